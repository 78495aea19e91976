// Distances between two atoms over time and the bond they form with two radii.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ufp
{

// Minimum-image distances of two atoms: `a`, `b` (3, n_frames) component-major in A, `cell` and `inverse`
// (n_frames, 3, 3) with rows a, b, c (fractional = cartesian . inverse). Exact for distances up to half the smallest
// perpendicular height of the cell.
void pair_distances(const double *a, const double *b, const double *cell, const double *inverse, std::size_t n_frames,
                    double *distance) noexcept;

// Adds 1 to `count[t]` while the bond exists: it forms below `inner` and breaks above `outer`. In the first frame
// it exists below the mean of the two radii.
void add_bond(const double *distance, std::size_t n_frames, double inner, double outer, std::int16_t *count) noexcept;

}  // namespace ufp
