// Every precision and instruction set against features written out, and the self-check of the precision.
#include "ufp/efg_predictor.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "check.hpp"
#include "ufp/efg_check.hpp"
#include "ufp/error.hpp"

namespace
{

const std::vector<double> positions{0.0, 0.0, 0.0, 2.4, 0.3, 0.0, -1.1, 2.1, 0.6, -0.9, -1.5, 1.8, -0.3, 0.4, -2.6};
const std::vector<int> species{0, 1, 1, 0, 1};

ufp::EfgModelArrays small_model()
{
  ufp::EfgModelArrays model;
  model.spec.cutoff = 5.0;
  model.spec.species = 2;
  model.spec.n_max = 5;
  model.features = {{1, 1, 0, 3}, {0, 2, 7, 2}, {2, 4, 1, 9}, {3, 3, 4, 4}, {0, 2, 1, 2}};
  model.invariants = {{0, 0, 0, 0}, {2, 2, 1, 8}, {3, 3, 2, 6}};
  std::vector<double> weights;
  for (int k = 0; k < 15; ++k) weights.push_back(std::cos(1.7 * k));
  model.members = {weights};
  return model;
}

// y = P² (P⁰ B) of atom 0, from features
std::vector<double> components(const ufp::EfgModelArrays &model)
{
  const ufp::LambdaSoap soap(model.spec);
  ufp::ImageList atoms;
  atoms.build({5, species.data(), positions.data(), {}, {}}, 2, model.spec.cutoff);
  ufp::EnvironmentBuffer buffer;
  std::vector<double> c(static_cast<std::size_t>(soap.channels() * soap.components())), scratch(soap.scratch_size());
  soap.densities(atoms.find(0, buffer), c.data(), scratch.data());
  std::vector<double> P0(3), P2(25), y(5, 0.0);
  ufp::FeatureContraction(model.spec, 0, model.invariants, true).evaluate(c.data(), P0.data());
  ufp::FeatureContraction(model.spec, 2, model.features, true).evaluate(c.data(), P2.data());
  const double norm = std::sqrt(P0[0] * P0[0] + P0[1] * P0[1] + P0[2] * P0[2]);
  for (std::size_t mu = 0; mu < 5; ++mu)
    for (std::size_t f = 0; f < 5; ++f)
      for (std::size_t p = 0; p < 3; ++p) y[mu] += P2[5 * mu + f] * P0[p] / norm * model.members[0][5 * p + f];
  return y;
}

std::vector<double> predicted(const ufp::EfgPredictor &predictor)
{
  ufp::ImageList atoms;
  atoms.build({5, species.data(), positions.data(), {}, {}}, 2, predictor.spec().cutoff);
  ufp::EnvironmentBuffer buffer;
  ufp::EfgPredictor::Scratch scratch = predictor.scratch();
  const std::size_t centre = 0;
  std::vector<double> out(6);
  ufp::predict_centres(predictor, atoms, &centre, 1, buffer, scratch, out.data(), 6);
  return out;
}

void all_paths_agree()
{
  const ufp::EfgModelArrays model = small_model();
  const std::vector<double> y = components(model);
  double scale = 0;
  for (const double v : y) scale += v * v;
  scale = std::sqrt(scale);
  CHECK(scale > 0);
  for (const ufp::Simd simd : ufp::simd_available())
    for (const ufp::Precision precision : {ufp::Precision::single, ufp::Precision::full}) {
      const double tolerance = (precision == ufp::Precision::single ? 1e-5 : 1e-12) * scale;
      const std::vector<double> V = predicted(ufp::EfgPredictor(model, precision, simd));
      CHECK_CLOSE(V[3] * std::sqrt(2.0), y[0], tolerance);
      CHECK_CLOSE(V[5] * std::sqrt(2.0), y[1], tolerance);
      CHECK_CLOSE(V[2] * std::sqrt(1.5), y[2], tolerance);
      CHECK_CLOSE(V[4] * std::sqrt(2.0), y[3], tolerance);
      CHECK_CLOSE((V[0] - V[1]) / std::sqrt(2.0), y[4], tolerance);
      CHECK_CLOSE(V[0] + V[1] + V[2], 0, 0);
    }
}

void precision_is_checked()
{
  const ufp::EfgModelArrays model = small_model();
  const ufp::Simd simd = ufp::simd_available().back();
  const std::vector<double> V = predicted(ufp::EfgPredictor(model, ufp::Precision::full, simd));
  std::vector<ufp::EfgCheck> checks{{species, positions, {}, 0, {}, {}}};
  for (std::size_t a = 0; a < 6; ++a) checks[0].expected[a] = V[a];
  std::string warning;
  const double scale = std::fabs(V[0]) + std::fabs(V[3]);
  CHECK(ufp::checked_predictor(model, ufp::Precision::single, simd, checks, scale, warning).precision() ==
        ufp::Precision::single);
  CHECK(warning.empty());
  CHECK(ufp::checked_predictor(model, ufp::Precision::single, simd, checks, 1e-6 * scale, warning).precision() ==
        ufp::Precision::full);
  CHECK(warning.find("double precision is used") != std::string::npos);
  checks[0].expected[3] += 0.1 * scale;
  bool refused = false;
  try {
    ufp::checked_predictor(model, ufp::Precision::full, simd, checks, scale, warning);
  } catch (const ufp::DomainError &) {
    refused = true;
  }
  CHECK(refused);
}

}  // namespace

int main()
{
  all_paths_agree();
  precision_is_checked();
}
