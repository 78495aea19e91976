#include "ufp/efg_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ufp/error.hpp"

namespace ufp
{
namespace
{

std::string short_number(double x)
{
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", x);
  return text;
}

}  // namespace

double deviation(const EfgPredictor &predictor, const std::vector<EfgCheck> &checks)
{
  const std::size_t members = predictor.members();
  EfgPredictor::Scratch scratch = predictor.scratch();
  ImageList atoms;
  EnvironmentBuffer buffer;
  std::vector<double> out(6 * members);
  double largest = 0;
  for (const EfgCheck &check : checks) {
    atoms.build({check.species.size(), check.species.data(), check.positions.data(), check.cell, check.periodic},
                predictor.spec().species, predictor.spec().cutoff);
    predict_centres(predictor, atoms, &check.centre, 1, buffer, scratch, out.data(), 6);
    for (std::size_t a = 0; a < 6; ++a) {
      double mean = 0;
      for (std::size_t k = 0; k < members; ++k) mean += out[6 * k + a] / static_cast<double>(members);
      const double off = std::fabs(mean - check.expected[a]);
      largest = off <= largest ? largest : off;  // keeps what is not a number
    }
  }
  return largest;
}

EfgPredictor checked_predictor(const EfgModelArrays &model, Precision wanted, Simd simd,
                               const std::vector<EfgCheck> &checks, double scale, std::string &warning)
{
  warning.clear();
  if (!(scale > 0)) throw DomainError("expected an rms of the labels above 0, found " + std::to_string(scale));
  EfgPredictor predictor(model, wanted, simd);
  double off = deviation(predictor, checks) / scale;
  if (wanted == Precision::single && !(off <= largest_single_deviation)) {
    warning = "single precision deviates from the check environments of the model by " + short_number(off) +
              " of the rms of its labels (at most " + short_number(largest_single_deviation) +
              " is accepted); double precision is used";
    predictor = EfgPredictor(model, Precision::full, simd);
    off = deviation(predictor, checks) / scale;
  }
  if (!(off <= largest_deviation))
    throw DomainError("expected the tensors that the model stores for its check environments, found a deviation of " +
                      short_number(off) + " of the rms of its labels; the model was made by another descriptor");
  return predictor;
}

}  // namespace ufp
