// Boys functions F_m(x) = ∫_0^1 t^{2m} exp(-x t²) dt: what is entire in the derivatives of erf(αr)/r.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace ufp
{

// F_0 to F_3 on a grid of x. Since F_m' = -F_{m+1}, one row F_0..F_8 is the Taylor series of them all: half a step of
// 0.025 leaves an error below 1e-13.
class BoysTable
{
 public:
  explicit BoysTable(double largest) : rows_(width * (static_cast<std::size_t>(largest / step) + 2))
  {
    for (std::size_t row = 0; row < rows_.size() / width; ++row) {
      const double x = (static_cast<double>(row) + 0.5) * step;
      double *f = &rows_[row * width];
      f[width - 1] = series(width - 1, x);
      for (std::size_t m = width - 1; m-- > 0;)
        f[m] = (2 * x * f[m + 1] + std::exp(-x)) / (2 * static_cast<double>(m) + 1);
    }
  }

  // f[0..count) = F_first(x) .. F_{first+count-1}(x)
  template <std::size_t first, std::size_t count> void evaluate(double x, double *f) const noexcept
  {
    static_assert(first + count <= 4, "a row ends with F_8");
    const double scaled = x * (1 / step);
    const std::size_t row = static_cast<std::size_t>(scaled);
    const double d = (static_cast<double>(row) + 0.5 - scaled) * step;
    const double *g = &rows_[row * width + first];
    for (std::size_t m = 0; m < count; ++m, ++g)
      f[m] = g[0] +
             d * (g[1] + d * (1. / 2) * (g[2] + d * (1. / 3) * (g[3] + d * (1. / 4) * (g[4] + d * (1. / 5) * g[5]))));
  }

 private:
  static constexpr double step = 0.05;
  static constexpr std::size_t width = 9;

  static double series(std::size_t m, double x)
  {
    const double twice = 2 * static_cast<double>(m) + 1;
    double term = 1.0 / twice, sum = term;
    for (int i = 1; term > 1e-17 * sum; ++i) {
      term *= 2 * x / (twice + 2 * i);
      sum += term;
    }
    return std::exp(-x) * sum;
  }

  std::vector<double> rows_;
};

}  // namespace ufp
