// The inner loops of an Ewald sum over wave vectors, compiled once for each instruction set.
#pragma once

#include <cstddef>

#include "ufp/span.hpp"

namespace ufp
{

// One plane of wave vectors k = p + l c, -top <= l <= top. Sources have the complex charge (g + l h) exp(-ip·x), real
// and imaginary parts in arrays of `places`; with S_l = Σ (g + l h) exp(ilc·x), the targets, first among the places,
// get P_n = Σ_l l^n weight(l) S_l exp(-i(p + lc)·x). Both lengths are multiples of eight.
struct WaveCall {
  std::size_t places, targets;
  const Span *charged, *charged_end;  // where g is not zero, whole vectors of four
  const Span *polar, *polar_end;      // where h is not zero
  int top;
  const double *cosine, *sine;          // of l c·x, (l from 0 to top, places)
  const double *plane_cos, *plane_sin;  // of p·x, (places)
  const double *g_cos, *g_sin;          // (places)
  const double *h_cos, *h_sin;          // (places)
  const double *up, *down;              // weights of +l and -l, (top + 1); down[0] is 0
  double *sums;                         // work space, 4 (top + 1)
  bool gradient;                        // Re P_0, Re P_1, Re P_2, or else Re P_0, -Im P_0, -Im P_1
  double *moments;                      // (3, targets)
};

void wave_kernel_baseline(const WaveCall &call) noexcept;
void wave_kernel_avx2(const WaveCall &call) noexcept;
void wave_kernel_avx512(const WaveCall &call) noexcept;

}  // namespace ufp
