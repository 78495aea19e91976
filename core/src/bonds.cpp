#include "ufp/bonds.hpp"

#include <cmath>

namespace ufp
{

namespace
{

// Nearest integer for |x| < 2^51 by the rounding of the addition: std::nearbyint is a library call on baseline x86-64.
double nearest_integer(double x)
{
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  return (x + shift) - shift;
}

}  // namespace

void pair_distances(const double *a, const double *b, const double *cell, const double *inverse, std::size_t n_frames,
                    double *distance) noexcept
{
  for (std::size_t t = 0; t < n_frames; ++t) {
    const double *h = cell + 9 * t, *g = inverse + 9 * t;
    const double d[3] = {b[t] - a[t], b[n_frames + t] - a[n_frames + t], b[2 * n_frames + t] - a[2 * n_frames + t]};
    double f[3];
    for (std::size_t k = 0; k < 3; ++k) {
      f[k] = d[0] * g[k] + d[1] * g[3 + k] + d[2] * g[6 + k];
      f[k] -= nearest_integer(f[k]);
    }
    double sum = 0.0;
    for (std::size_t k = 0; k < 3; ++k) {
      const double r = f[0] * h[k] + f[1] * h[3 + k] + f[2] * h[6 + k];
      sum += r * r;
    }
    distance[t] = std::sqrt(sum);
  }
}

void add_bond(const double *distance, std::size_t n_frames, double inner, double outer, std::int16_t *count) noexcept
{
  bool bonded = n_frames > 0 && distance[0] < 0.5 * (inner + outer);
  for (std::size_t t = 0; t < n_frames; ++t) {
    bonded = bonded ? distance[t] <= outer : distance[t] < inner;
    if (bonded) ++count[t];
  }
}

}  // namespace ufp
