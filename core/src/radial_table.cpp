#include "ufp/radial_table.hpp"

#include <algorithm>
#include <cmath>

namespace ufp
{
namespace
{

constexpr double pi = 3.14159265358979323846;

struct Factor {
  double value, slope;
};

Factor cutoff_function(double r, double border, double smoothing)
{
  if (r <= border || smoothing == 0) return {1, 0};
  const double phase = std::min(pi * (r - border) / smoothing, pi);
  return {0.5 * (1 + std::cos(phase)), -0.5 * pi / smoothing * std::sin(phase)};
}

Factor scaled(const std::optional<RadialScaling> &scaling, double r)
{
  if (!scaling) return {1, 0};
  const double power = std::pow(r / scaling->r0, scaling->exponent), value = 1 / (1 + power);
  return {value, r > 0 ? -value * value * power * scaling->exponent / r : 0};
}

int even_intervals(double length, double step)
{
  return 2 * std::max(1, static_cast<int>(std::ceil(length / (2 * step))));
}

}  // namespace

RadialTable::RadialTable(const RadialBasis &basis, int width, double cutoff, double smoothing, double sigma,
                         const std::optional<RadialScaling> &scaling, int intervals)
    : width_(width), cutoff_(cutoff), border_(cutoff - smoothing)
{
  const double step = sigma / intervals;
  const int inner = even_intervals(border_, step), outer = smoothing > 0 ? even_intervals(smoothing, step) : 0;
  inner_ = inner / border_;
  outer_ = smoothing > 0 ? outer / smoothing : 0;
  inner_rows_ = inner + 1;
  std::vector<double> value(static_cast<std::size_t>(width)), slope(value);
  const auto add_row = [&](double r, double h) {
    basis.evaluate(r, value.data(), slope.data());
    const Factor f = cutoff_function(r, border_, smoothing), u = scaled(scaling, r);
    const double factor = f.value * u.value, change = f.slope * u.value + f.value * u.slope;
    for (const double v : value) rows_.push_back(factor * v);
    for (std::size_t e = 0; e < value.size(); ++e) rows_.push_back(h * (factor * slope[e] + change * value[e]));
  };
  for (int k = 0; k <= inner; ++k) add_row(border_ * k / inner, 1 / inner_);
  if (smoothing > 0)
    for (int k = 0; k <= outer; ++k) add_row(border_ + smoothing * k / outer, 1 / outer_);
}

void RadialTable::evaluate(double r, double *out) const noexcept
{
  const bool beyond = r > border_ && outer_ > 0;
  const double x = beyond ? (r - border_) * outer_ : r * inner_;
  const int last = beyond ? static_cast<int>(rows()) - inner_rows_ - 2 : inner_rows_ - 2;
  const int knot = std::min(static_cast<int>(x), last), row = knot + (beyond ? inner_rows_ : 0);
  const double t = x - knot, h01 = t * t * (3 - 2 * t), h10 = t * (1 - t) * (1 - t), h11 = t * t * (t - 1);
  const double *p = rows_.data() + static_cast<std::ptrdiff_t>(2 * width_) * row;
  for (int e = 0; e < width_; ++e)
    out[e] = (1 - h01) * p[e] + h10 * p[width_ + e] + h01 * p[2 * width_ + e] + h11 * p[3 * width_ + e];
}

}  // namespace ufp
