// Gaussians of distances from one point to many, compiled once for each instruction set.
#pragma once

#include <cstddef>

namespace ufp
{

// out[m] = weight exp(-½ Σ_d (x[d] - points[d stride + m])²) for m < count.
struct GaussianCall {
  std::size_t count, stride, dimensions;
  const double *x, *points;
  double weight;
  double *out;
};

void gaussian_kernel_baseline(const GaussianCall &call) noexcept;
void gaussian_kernel_avx2(const GaussianCall &call) noexcept;
void gaussian_kernel_avx512(const GaussianCall &call) noexcept;

}  // namespace ufp
