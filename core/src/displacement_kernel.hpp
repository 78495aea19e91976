// The inner loop of sums of displacement products, compiled once for each instruction set.
#pragma once

#include <cstddef>

namespace ufp
{

// As `displacement_sums` in ufp/displacements.hpp: `first` points to x(first), `later` to x(first + lag), of `n`
// origins; y and z follow at distances of `stride`.
struct DisplacementCall {
  const double *first, *later;
  std::size_t stride, n;
  double *sums;
};

void displacement_kernel_baseline(const DisplacementCall &call) noexcept;
void displacement_kernel_avx2(const DisplacementCall &call) noexcept;
void displacement_kernel_avx512(const DisplacementCall &call) noexcept;

}  // namespace ufp
