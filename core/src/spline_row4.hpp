// The look-up of spline_row.hpp for four distances at once.
#pragma once

#include "ufp/uf3_tables.hpp"
#include "vector4.hpp"

namespace ufp
{

// Rows of four distances and their coordinates x in the polynomials of those rows.
UFP_INLINE void rows_of(const SplineTable &t, Vector4 r, int *row, Vector4 &x)
{
  if (t.cells == 0) {
    const Vector4 offset = r - (t.lo - t.cell);  // from the start of row 0
    const Vector4 y = larger(offset * t.inverse_cell, broadcast(0));
    const Integer4 index = truncate(smaller(select(r < t.hi, y, broadcast(t.last)), broadcast(t.last)));
    x = offset - convert(index) * t.cell;
    store(row, index);
  } else {
    const Vector4 y = larger((r - t.lo) * t.inverse_cell, broadcast(0));
    int cell[4];
    double distance[4], left[4];
    store(cell, truncate(smaller(y, broadcast(t.cells - 1))));
    store(distance, r);
    for (int lane = 0; lane < 4; ++lane) {
      const double at = distance[lane];
      int found = t.row_of_cell[cell[lane]];
      for (int step = 0; step < t.steps; ++step) found += at >= t.left[found + 1];
      found = at < t.lo ? 0 : found;
      left[lane] = t.left[found];
      row[lane] = at >= t.hi ? t.last : found;
    }
    x = r - load(left);
  }
}

}  // namespace ufp
