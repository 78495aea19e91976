// The inner loop of histograms of distances, compiled once for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ufp
{

// Adds the distances to `at` of the points in the ranges [ranges[2k], ranges[2k + 1]), times `per_width` and rounded
// down, to `counts` where they are below `bins`. x, y, z may be read PAIR_PADDING beyond the end of every range.
struct PairCount {
  const double *x, *y, *z;
  const std::size_t *ranges;
  std::size_t n_ranges;
  const double *at;
  double per_width;
  int bins;
  std::int64_t *counts;
};

constexpr std::size_t PAIR_PADDING = 8;

void pair_kernel_baseline(const PairCount &call) noexcept;
void pair_kernel_avx2(const PairCount &call) noexcept;
void pair_kernel_avx512(const PairCount &call) noexcept;

}  // namespace ufp
