// Real spherical harmonics and the order in which everything that carries an (l, m) index is stored.
//
// Orthonormal on the unit sphere, without the Condon-Shortley phase, at l*l + l + m with m = -l .. l: l = 1 is (y, z,
// x), l = 2 is (xy, yz, 3z²-r², xz, x²-y²).
#pragma once

#include <vector>

namespace ufp
{

constexpr int largest_l = 12;  // of a descriptor; the coupling coefficients are sums of factorials in doubles

constexpr int harmonics_count(int l_max)
{
  return (l_max + 1) * (l_max + 1);
}

// N_lm at l*(l+1)/2 + m, m = 0 .. l: Y_{l,±m} = N_lm q_lm(z) {Re, Im} (x + iy)^m with q_mm = (2m-1)!!.
std::vector<double> harmonics_norms(int l_max);

// Y_lm of a unit vector; out holds harmonics_count(l_max) values.
void real_harmonics(int l_max, const double *norms, double x, double y, double z, double *out) noexcept;

}  // namespace ufp
