// Look-up of one distance in a SplineTable. Internal linkage: this header is compiled for several instruction sets, and
// the linker must not merge the copies.
#pragma once

#include "ufp/uf3_tables.hpp"

namespace ufp
{

// Row of distance r and its coordinate x in the polynomials of that row.
static inline int spline_row(const SplineTable &t, double r, double &x)
{
  const double offset = r - t.lo, y = offset * t.inverse_cell;
  int row;
  if (t.cells == 0) {
    const double limited = y < -1 ? -1 : y < t.last - 2 ? y : t.last - 2;
    row = static_cast<int>(limited + 1);
    x = offset - (row - 1) * t.cell;
  } else {
    const double limited = y < 0 ? 0 : y < t.cells - 1 ? y : t.cells - 1;
    row = t.row_of_cell[static_cast<int>(limited)];
    for (int step = 0; step < t.steps; ++step) row += r >= t.left[row + 1];
    row = r < t.lo ? 0 : row;
    x = r - t.left[row];
  }
  return r >= t.hi ? t.last : row;
}

// The four basis functions and their derivatives.
static inline void spline_basis(const SplineTable &t, int row, double x, double *b, double *slope)
{
  const double *p = t.polynomials + 16 * row;
  for (int i = 0; i < 4; ++i) {
    const double h2 = p[8 + i] + x * p[12 + i];
    const double h1 = p[4 + i] + x * h2;
    b[i] = p[i] + x * h1;
    slope[i] = h1 + x * (h2 + x * p[12 + i]);
  }
}

}  // namespace ufp
