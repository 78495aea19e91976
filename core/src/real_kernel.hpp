// The inner loops of an Ewald sum over neighbours, compiled once for each instruction set.
#pragma once

#include <cstddef>

#include "ufp/span.hpp"

namespace ufp
{

constexpr double boys_step = 0.05;     // of the table in boys.hpp
constexpr std::size_t boys_width = 9;  // numbers in a row

// Neighbours of one target. With B_n = singular_n / r^{2n+1} - entire_n F_n(alpha² r²), n from `lowest`, F_n of the
// table of boys.hpp, charges q and dipoles μ at the separation d add
//   gradient, lowest = 1:  q [B2 d_a d_b - B1 δ_ab],  B2 [μ_a d_b + d_a μ_b + μ·d δ_ab] - B3 μ·d d_a d_b
//   field,    lowest = 0:  q B0, -q B1 d,             -μ·d B1, μ·d B2 d - B1 μ
struct RealCall {
  const Span *stretch, *stretch_end;  // images to look at
  const double *image[3];             // their coordinates
  const int *place;                   // of what an image is
  double target[3];
  int own;                    // place of the target, left out where it is the target itself
  double cutoff2, smallest2;  // Å²; a neighbour closer than the second ends the search
  double alpha2;
  const double *boys;
  double singular[3], entire[3];
  bool gradient;
  std::size_t sets, stride;  // stride between the sets
  const double *charge;      // (sets, stride) by place
  const double *dipole;      // (sets, 3, stride), or null for none
  const char *polar;         // (sets), which have dipoles
  double *near[4];           // work space: separations and their squares, all images and 8
  double *b[3];              // and the B_n
  int *near_place;
  double *out;  // added to: (sets, 6) or (sets, 4)
};

// Returns the place of an atom that is too close, or -1.
int real_kernel_baseline(const RealCall &call) noexcept;
int real_kernel_avx2(const RealCall &call) noexcept;
int real_kernel_avx512(const RealCall &call) noexcept;

}  // namespace ufp
