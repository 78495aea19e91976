// A folded UF3 potential as the kernels read it: plain data, no ownership. Built by Uf3Model.
#pragma once

namespace ufp
{

// One spline axis. Row 0 continues it below lo, rows 1 .. last-1 are the intervals, row `last` (zero) is at and beyond
// hi.
struct SplineTable {
  double lo = 0, hi = 0;
  double inverse_cell = 0, cell = 0;  // width of an interval, or of a cell of the look-up grid
  int last = 0;
  int cells = 0;                     // 0: uniform, cell = interval
  int steps = 0;                     // most knots inside one cell
  const int *row_of_cell = nullptr;  // (cells) row at the start of a cell
  const double *left = nullptr;      // (last + 1) origin of the polynomials of a row
  const double *polynomials =
      nullptr;                 // (last + 1, 4 powers of r - left, 4 basis functions); pairs: (last + 1, 4 powers)
  const int *first = nullptr;  // (last + 1) coefficient of the first of the four basis functions
};

struct TripletTable {
  const double *c = nullptr;  // [l][m][n], planes that are zero at the ends of an axis left out
  int stride_l = 0, stride_m = 0;
  int block = 0;                      // doubles of one plane l, rounded up to whole vectors
  int slot_j = 0, slot_k = 0;         // which cached basis of the neighbour belongs to the leg
  const SplineTable *axis = nullptr;  // of r_jk
  bool prune = false;                 // r_jk can lie beyond its cutoff
};

struct Uf3Tables {
  int species = 0;
  int slots = 0;                                 // largest number of leg axes of one neighbour; 0: no 3-body terms
  int window = 0;                                // most doubles of one l-contracted block
  const double *onebody = nullptr;               // (species) eV
  const SplineTable *pair = nullptr;             // (a, b)
  const TripletTable *const *triplet = nullptr;  // (centre, j, k), shorter leg first; null: none or (centre, k, j)
  const int *slot_count = nullptr;               // (centre, b)
  const SplineTable *const *slot = nullptr;      // (centre, b, slots), shortest cutoff first
};

}  // namespace ufp
