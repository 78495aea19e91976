// What the prediction kernels see: plain views, so that nothing of the standard library is compiled for an instruction
// set that not every caller has.
#pragma once

#include "ufp/environment.hpp"

namespace ufp
{

constexpr int kernel_batches = 2;  // vectors of environments that share one pass over the weights
constexpr int kernel_largest_l = 8;

// Rows of m in the densities of a batch: they begin at channels * l² + q * (2l + 1).
struct InvariantTerm {
  int first, second, length;
  double weight;
};

struct CouplingTerm {
  int m12, mu;  // m1 * (2 l2 + 1) + m2
  double value;
};

// Features of one (l1, l2) that share q2.
struct FeatureGroup {
  int second;      // row of m of (l2, q2)
  int begin, end;  // features
};

struct FeatureBlock {
  int l1, l2;
  int groups_begin, groups_end;
  int couplings_begin, couplings_end;
};

template <class T> struct EfgView {
  int species, n_max, n_padded, l_max;
  // radial table: rows of values and of derivatives times the step, see radial_table.hpp
  const T *table;
  int table_stride;  // of values
  double border, inner_rate, outer_rate;
  int inner_rows;
  const T *norms;    // of the harmonics
  const T *own;      // (n_padded) the centre's Gaussian in l = 0
  const int *place;  // (density_length) of (species, lm, n) in the densities of a batch; of padding, behind them
  int density_length, batch_length;
  // P⁰, normalised
  int invariants;
  const InvariantTerm *invariant;
  // T = P⁰ B, or offset + [(P⁰ A)^power - (R A)^power] U with the mean active environment R: the difference is small
  // where the sum over U cancels. Expanded, its linear part is (P⁰ - R) B' with a B' summed in double precision, and
  // only the small remainder is left to the sum over active environments: single precision then loses a hundredth of
  // what it would. The rows of B' are above those of U. Packed in column panels, zero padded.
  int power;  // ζ - 1 of the element-wise power
  bool collapsed, expanded;
  int active_panels, panels, rows, members;
  const T *reference;   // R (invariants)
  const T *similarity;  // R A (active_panels * panel)
  const T *offset;      // (members, panels * panel); not read if collapsed
  const T *active_panel, *weight_panel;
  long member_stride;
  // contraction with the features, in their sorted order
  int blocks;
  const int *feature_first;  // row of m of (l1, q1)
  const FeatureBlock *block;
  const FeatureGroup *group;
  const CouplingTerm *coupling;
};

// Work space of one thread, all of it aligned to 64 bytes.
template <class T> struct EfgWork {
  int capacity;         // of neighbours
  int harmonic_stride;  // between components of the harmonics, in neighbours
  T *direction;         // (3, capacity)
  T *fraction;          // (capacity) within the interval of the table
  int *row;             // (capacity)
  T *radial;            // (capacity, table_stride)
  T *harmonics;         // ((l_max + 1)², harmonic_stride)
  T *density;           // (lanes, density_length) one environment after the other
  T *batch;             // (batches, batch_length + 1, lanes)
  T *invariants;        // (batches, invariants, lanes)
  T *similarity;        // (batches, invariants if expanded + active_panels * panel, lanes)
  T *feature_weight;    // (batches, panels * panel, lanes)
  T *group_sum;         // (largest groups of a block * (2 l_max + 1), lanes)
};

template <class T> struct EfgKernel {
  int lanes;    // environments in a vector; a batch is kernel_batches vectors
  int n_lanes;  // n_max is padded to a multiple of it
  int panel;    // columns of weights side by side
  // Densities of one environment into slot 0 .. kernel_batches * lanes - 1 of the batch, in ascending order.
  void (*density)(const EfgView<T> &, const Environment &, const EfgWork<T> &, int slot) noexcept;
  // The five components of the first `count` slots to out (members, count, 5); members are `stride` values apart.
  void (*finish)(const EfgView<T> &, const EfgWork<T> &, int count, double *out, long stride) noexcept;
};

void efg_kernel_baseline(EfgKernel<float> &kernel) noexcept;
void efg_kernel_baseline(EfgKernel<double> &kernel) noexcept;
void efg_kernel_avx2(EfgKernel<float> &kernel) noexcept;
void efg_kernel_avx2(EfgKernel<double> &kernel) noexcept;
void efg_kernel_avx512(EfgKernel<float> &kernel) noexcept;
void efg_kernel_avx512(EfgKernel<double> &kernel) noexcept;

}  // namespace ufp
