// Nearest images between successive frames.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ufp
{

struct LongestMove {
  bool changed = false;  // some atom went through a face
  std::size_t atom = 0;
  double length = 0;
};

// `before` and `after` are fractional coordinates (n, 3), `cell` the rows a, b, c of the second frame. Writes the whole
// cells (n, 3) to add to `after`; zero where the structure does not repeat. Of a path without lattice jumps the sum of
// displacements remains, also in a cell that changes (von Bülow, Bullerjahn, Hummer, J. Chem. Phys. 2020, 153, 021101).
LongestMove nearest_images(const double *before, const double *after, std::size_t n, const double *cell,
                           const std::array<bool, 3> &periodic, std::int64_t *change) noexcept;

}  // namespace ufp
