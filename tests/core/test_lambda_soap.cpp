// Harmonics, coupling, radial table and images against identities; the descriptor against a rotation of the axes.
#include "ufp/lambda_soap.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include "check.hpp"
#include "ufp/cell_list.hpp"
#include "ufp/error.hpp"
#include "ufp/harmonics.hpp"

namespace
{

using ufp::Environment;

// Σ_m Y_lm² = (2l + 1)/4π, and l = 1 is (y, z, x).
void harmonics_add_up()
{
  const double x = 0.48, y = -0.6, z = 0.64, pi = std::acos(-1.0);
  std::vector<double> Y(static_cast<std::size_t>(ufp::harmonics_count(ufp::largest_l)));
  const std::vector<double> norms = ufp::harmonics_norms(ufp::largest_l);
  ufp::real_harmonics(ufp::largest_l, norms.data(), x, y, z, Y.data());
  for (int l = 0; l <= ufp::largest_l; ++l) {
    double sum = 0;
    for (int m = l * l; m < (l + 1) * (l + 1); ++m)
      sum += Y[static_cast<std::size_t>(m)] * Y[static_cast<std::size_t>(m)];
    CHECK_CLOSE(sum, (2 * l + 1) / (4 * pi), 1e-13);
  }
  const double first = std::sqrt(3 / (4 * pi));
  CHECK_CLOSE(Y[1], first * y, 1e-15);
  CHECK_CLOSE(Y[2], first * z, 1e-15);
  CHECK_CLOSE(Y[3], first * x, 1e-15);
}

void couplings_are_orthonormal()
{
  for (const auto &[l1, l2] : ufp::coupled_pairs(ufp::largest_l, 2)) {
    double gram[5][5] = {};
    const std::vector<ufp::Coupling> terms = ufp::clebsch_gordan(l1, l2, 2);
    for (const ufp::Coupling &a : terms)
      for (const ufp::Coupling &b : terms)
        if (a.m1 == b.m1 && a.m2 == b.m2) gram[a.mu][b.mu] += a.value * b.value;
    for (int p = 0; p < 5; ++p)
      for (int q = 0; q < 5; ++q) CHECK_CLOSE(gram[p][q], p == q, 1e-12);
  }
}

void table_ends_at_the_cutoff()
{
  for (const char *name : {"gto", "laplacian"}) {
    const auto basis = ufp::make_radial_basis(name, 5.0, 0.4, 4, 3);
    const ufp::RadialTable table(*basis, 16, 5.0, 0.7, 0.4, ufp::RadialScaling{3.0, 4.0}, 48);
    std::vector<double> v(16), w(16), slope(16);
    table.evaluate(std::nextafter(5.0, 0.0), v.data());
    for (const double each : v) CHECK_CLOSE(each, 0, 1e-15);
    table.evaluate(2.345, v.data());
    basis->evaluate(2.345, w.data(), slope.data());
    const double scaling = 1 / (1 + std::pow(2.345 / 3.0, 4));
    for (std::size_t e = 0; e < 16; ++e) CHECK_CLOSE(v[e], scaling * w[e], 1e-8);
    // the slope that the table is built from
    std::vector<double> above(16), below(16), unused(16);
    basis->evaluate(2.345 + 1e-4, above.data(), unused.data());
    basis->evaluate(2.345 - 1e-4, below.data(), unused.data());
    for (std::size_t e = 0; e < 16; ++e) CHECK_CLOSE(slope[e], (above[e] - below[e]) / 2e-4, 1e-6);
  }
}

const std::array<double, 9> skewed{4.1, 0.3, -0.2, 1.4, 5.2, 0.5, -0.9, 0.8, 3.3};
const std::vector<double> positions{0.1, 0.2, 0.3, 2.5, 3.1, 1.2, 4.4, -2.0, 5.0, 9.0, 1.1, 2.2};
const std::vector<int> species{0, 1, 0, 2};

// The same neighbours as the cell list's, in every mix of periodic directions.
void images_are_those_of_the_cell_list()
{
  for (int mix = 0; mix < 8; ++mix) {
    const std::array<bool, 3> periodic{(mix & 1) != 0, (mix & 2) != 0, (mix & 4) != 0};
    const ufp::CellList list(positions.data(), 4, skewed, periodic, 6.5);
    ufp::ImageList images;
    images.build({4, species.data(), positions.data(), skewed, periodic}, 3, 6.5);
    ufp::EnvironmentBuffer buffer;
    std::vector<ufp::Neighbor> neighbors;
    for (std::size_t i = 0; i < 4; ++i) {
      list.neighbors(i, neighbors);
      const Environment found = images.find(i, buffer);
      CHECK(found.species == species[i]);
      CHECK(static_cast<std::size_t>(found.first[3]) == neighbors.size());
      for (const ufp::Neighbor &n : neighbors) {
        const int kind = species[static_cast<std::size_t>(n.index)];
        int matches = 0;
        for (int k = found.first[kind]; k < found.first[kind + 1]; ++k)
          matches += std::fabs(found.x[k] - n.displacement[0]) + std::fabs(found.y[k] - n.displacement[1]) +
                         std::fabs(found.z[k] - n.displacement[2]) + std::fabs(found.distance[k] - n.distance) <
                     1e-12;
        CHECK(matches == 1);
      }
    }
  }
}

// Cyclic exchange of the axes: invariants stay, the five components of rank 2 keep their norm.
void invariants_do_not_see_the_axes()
{
  ufp::LambdaSoapSpec spec;
  spec.species = 3;
  spec.n_max = 3;
  spec.l_max = 3;
  const ufp::LambdaSoap soap(spec);
  const std::vector<ufp::Feature> zeroth{{0, 0, 0, 4}, {1, 1, 1, 5}, {2, 2, 2, 6}, {3, 3, 3, 7}, {0, 0, 4, 8}};
  const std::vector<ufp::Feature> second{{0, 2, 0, 5}, {1, 1, 1, 6}, {1, 3, 2, 7}, {2, 2, 3, 8}, {3, 3, 4, 0}};
  const ufp::FeatureContraction p0(spec, 0, zeroth, true), p2(spec, 2, second, true);
  std::vector<std::vector<double>> results;
  for (int turn = 0; turn < 3; ++turn) {
    std::vector<double> x(12);
    std::array<double, 9> cell{};
    for (std::size_t k = 0; k < 12; ++k) x[k / 3 * 3 + (k + static_cast<std::size_t>(turn)) % 3] = positions[k];
    for (std::size_t k = 0; k < 9; ++k) cell[k / 3 * 3 + (k + static_cast<std::size_t>(turn)) % 3] = skewed[k];
    ufp::ImageList images;
    images.build({4, species.data(), x.data(), cell, {true, true, true}}, 3, spec.cutoff);
    ufp::EnvironmentBuffer buffer;
    std::vector<double> c(static_cast<std::size_t>(soap.channels() * soap.components())), scratch(soap.scratch_size());
    soap.densities(images.find(2, buffer), c.data(), scratch.data());
    std::vector<double> values(5), tensors(25);
    p0.evaluate(c.data(), values.data());
    p2.evaluate(c.data(), tensors.data());
    for (std::size_t f = 0; f < 5; ++f) {
      double square = 0;
      for (std::size_t mu = 0; mu < 5; ++mu) square += tensors[5 * mu + f] * tensors[5 * mu + f];
      values.push_back(square);
    }
    results.push_back(values);
  }
  for (std::size_t f = 0; f < 10; ++f) {
    CHECK_CLOSE(results[1][f], results[0][f], 1e-12 * (1 + std::fabs(results[0][f])));
    CHECK_CLOSE(results[2][f], results[0][f], 1e-12 * (1 + std::fabs(results[0][f])));
  }
}

}  // namespace

int main()
{
  harmonics_add_up();
  couplings_are_orthonormal();
  table_ends_at_the_cutoff();
  images_are_those_of_the_cell_list();
  invariants_do_not_see_the_axes();
}
