// Boys functions F_m(x) = ∫_0^1 t^{2m} exp(-x t²) dt: what is entire in the derivatives of erf(αr)/r.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "real_kernel.hpp"

namespace ufp
{

// F_0 to F_8 on a grid of x, in the middle of each step. Since F_m' = -F_{m+1}, one row is the Taylor series of F_0 to
// F_3: five terms and half a step of 0.025 leave an error below 1e-13.
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

  // Rows of `width` numbers, row k for x from k to k + 1 steps.
  const double *rows() const noexcept { return rows_.data(); }

 private:
  static constexpr double step = boys_step;
  static constexpr std::size_t width = boys_width;

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
