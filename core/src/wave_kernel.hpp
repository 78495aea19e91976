// The inner loops of an Ewald sum over wave vectors, compiled once for each instruction set.
#pragma once

#include <cstddef>

#include "ufp/span.hpp"

namespace ufp
{

// One plane of wave vectors k = p + l c, -top <= l <= top, of one set of charges q and dipoles μ. With
// S_l = Σ (q + iμ·k) exp(ik·x), the targets, first among the places, get P_n = Σ_l l^n weight(l) S_l exp(-ik·x) and
// from them the sums of k_a k_b (xx yy zz xy xz yz), or else of 1 and -ik. Lengths are multiples of eight.
struct WaveCall {
  std::size_t places, targets;
  const Span *charged, *charged_end;  // where there are charges or dipoles, whole vectors of four
  const Span *polar, *polar_end;      // where there are dipoles
  int top;
  double plane[3], step[3];             // p, c
  const double *cosine, *sine;          // of l c·x, (l from 0 to top, places)
  const double *plane_cos, *plane_sin;  // of p·x, (places)
  const double *charge, *dipole;        // (places), (3, places)
  const double *up, *down;              // weights of +l and -l, (top + 1); down[0] is 0
  double *work;                         // (4, places), then 4 (top + 1)
  bool gradient;
  double *out;  // added to: (6, targets) or (4, targets)
};

void wave_kernel_baseline(const WaveCall &call) noexcept;
void wave_kernel_avx2(const WaveCall &call) noexcept;
void wave_kernel_avx512(const WaveCall &call) noexcept;

}  // namespace ufp
