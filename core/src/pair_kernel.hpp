// The inner loops of histograms of distances, compiled once for each instruction set.
#pragma once

#include <cstddef>

#include "distance_bins.hpp"

namespace ufp
{

// Adds the distances to `at` of the points in the ranges [ranges[2k], ranges[2k + 1]), times `per_width` and rounded
// down, to `counts` where they are below `bins`. x, y, z may be read PAIR_PADDING beyond the end of every range.
struct PairCount {
  const double *x, *y, *z;
  const std::size_t *ranges;
  std::size_t n_ranges;
  const double *at;
  DistanceBins to;
};

void pair_kernel_baseline(const PairCount &call) noexcept;
void pair_kernel_avx2(const PairCount &call) noexcept;
void pair_kernel_avx512(const PairCount &call) noexcept;

// The same for the nearest images of the points [first, last) at the fractions f[0], f[1], f[2] of a cell with rows a,
// b, c, seen from the fractions `at`; the fractions may be read PAIR_PADDING beyond `last`.
struct NearestCount {
  const double *f[3];
  std::size_t first, last;
  const double *at, *cell;
  DistanceBins to;
};

void nearest_kernel_baseline(const NearestCount &call) noexcept;
void nearest_kernel_avx2(const NearestCount &call) noexcept;
void nearest_kernel_avx512(const NearestCount &call) noexcept;

}  // namespace ufp
