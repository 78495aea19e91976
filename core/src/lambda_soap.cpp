#include "ufp/lambda_soap.hpp"

#include <algorithm>
#include <cmath>

#include "ufp/error.hpp"
#include "ufp/harmonics.hpp"

namespace ufp
{
namespace
{

constexpr double pi = 3.14159265358979323846;
constexpr int largest_n = 24;

[[noreturn]] void refuse(const std::string &what, const std::string &expected, const std::string &found)
{
  throw DomainError("λ-SOAP: expected " + what + " " + expected + ", found " + found);
}

void check(const LambdaSoapSpec &s)
{
  const auto positive = [](double x) { return x > 0 && std::isfinite(x); };
  if (!positive(s.cutoff)) refuse("a cutoff", "above 0 Å", std::to_string(s.cutoff));
  if (!(s.width >= 0 && s.width < s.cutoff))
    refuse("a width of the cutoff", "from 0 to below the cutoff of " + std::to_string(s.cutoff) + " Å",
           std::to_string(s.width));
  if (!(s.sigma >= s.cutoff / 200 && s.sigma <= s.cutoff))
    refuse("a sigma", "from a 200th of the cutoff to the cutoff of " + std::to_string(s.cutoff) + " Å",
           std::to_string(s.sigma));
  if (s.n_max < 1 || s.n_max > largest_n)
    refuse("n_max", "from 1 to " + std::to_string(largest_n), std::to_string(s.n_max));
  if (s.l_max < 0 || s.l_max > largest_l)
    refuse("l_max", "from 0 to " + std::to_string(largest_l), std::to_string(s.l_max));
  if (s.species < 1) refuse("a number of species", "of at least 1", std::to_string(s.species));
  if (!std::isfinite(s.centre_weight))
    refuse("a weight of the centre", "that is finite", std::to_string(s.centre_weight));
  if (s.scaling && !positive(s.scaling->r0)) refuse("r0 of the scaling", "above 0 Å", std::to_string(s.scaling->r0));
  if (s.scaling && !positive(s.scaling->exponent))
    refuse("the exponent of the scaling", "above 0", std::to_string(s.scaling->exponent));
  if (s.intervals < 4 || s.intervals > 2000)
    refuse("intervals per sigma", "from 4 to 2000", std::to_string(s.intervals));
}

}  // namespace

LambdaSoap::LambdaSoap(const LambdaSoapSpec &spec) : spec_(spec)
{
  check(spec);
  const auto basis = make_radial_basis(spec.basis, spec.cutoff, spec.sigma, spec.n_max, spec.l_max);
  table_.emplace(*basis, (spec.l_max + 1) * spec.n_max, spec.cutoff, spec.width, spec.sigma, spec.scaling,
                 spec.intervals);
  norms_ = harmonics_norms(spec.l_max);
}

std::size_t LambdaSoap::scratch_size() const
{
  return static_cast<std::size_t>(table_->width() + components());
}

void LambdaSoap::densities(const Environment &e, double *out, double *scratch) const noexcept
{
  const int width = components(), n_max = spec_.n_max;
  std::fill_n(out, static_cast<std::ptrdiff_t>(channels()) * width, 0.0);
  double *const radial = scratch, *const angular = scratch + table_->width();
  for (int a = 0; a < spec_.species; ++a)
    for (int j = e.first[a]; j < e.first[a + 1]; ++j) {
      const double r = e.distance[j];
      if (!(r < spec_.cutoff)) continue;
      table_->evaluate(r, radial);
      real_harmonics(spec_.l_max, norms_.data(), e.x[j] / r, e.y[j] / r, e.z[j] / r, angular);
      for (int n = 0; n < n_max; ++n) {
        double *row = out + static_cast<std::ptrdiff_t>(a * n_max + n) * width;
        for (int l = 0; l <= spec_.l_max; ++l)
          for (int m = l * l; m < (l + 1) * (l + 1); ++m) row[m] += radial[l * n_max + n] * angular[m];
      }
    }
  for (int n = 0; n < n_max; ++n)
    out[static_cast<std::ptrdiff_t>(e.species * n_max + n) * width] +=
        spec_.centre_weight * table_->data()[n] / std::sqrt(4 * pi);
}

FeatureContraction::FeatureContraction(const LambdaSoapSpec &spec, int lambda, const std::vector<Feature> &features,
                                       bool weighted)
    : lambda_(lambda)
{
  if (lambda < 0 || lambda > 2 * largest_l)
    refuse("a rank λ", "from 0 to " + std::to_string(2 * largest_l), std::to_string(lambda));
  const int l_count = spec.l_max + 1, channels = spec.species * spec.n_max, width = l_count * l_count;
  couplings_.resize(static_cast<std::size_t>(width));
  for (const auto &[l1, l2, q1, q2] : features) {
    const std::string name =
        std::to_string(l1) + " " + std::to_string(l2) + " " + std::to_string(q1) + " " + std::to_string(q2);
    if (std::min(l1, l2) < 0 || std::max(l1, l2) > spec.l_max || std::min(q1, q2) < 0 || std::max(q1, q2) >= channels)
      refuse("features l1 l2 q1 q2",
             "up to l = " + std::to_string(spec.l_max) + " and q = " + std::to_string(channels - 1), name);
    if (!couples(l1, l2, lambda))
      refuse("features l1 l2 q1 q2", "that couple to λ = " + std::to_string(lambda) + " with l1 + l2 + λ even", name);
    const auto block = static_cast<std::size_t>(l1 * l_count + l2);
    if (couplings_[block].empty()) couplings_[block] = clebsch_gordan(l1, l2, lambda);
    terms_.push_back({block, static_cast<std::size_t>(q1 * width + l1 * l1),
                      static_cast<std::size_t>(q2 * width + l2 * l2),
                      weighted && !(l1 == l2 && q1 == q2) ? std::sqrt(2.0) : 1.0});
  }
}

void FeatureContraction::evaluate(const double *densities, double *out) const noexcept
{
  const std::size_t count = terms_.size();
  std::fill_n(out, static_cast<std::size_t>(2 * lambda_ + 1) * count, 0.0);
  for (std::size_t f = 0; f < count; ++f) {
    const double *first = densities + terms_[f].first, *second = densities + terms_[f].second;
    for (const Coupling &c : couplings_[terms_[f].block])
      out[static_cast<std::size_t>(c.mu) * count + f] += terms_[f].weight * c.value * first[c.m1] * second[c.m2];
  }
}

}  // namespace ufp
