// Spherical Bessel functions of real and imaginary argument, and their zeros.
#pragma once

#include <vector>

namespace ufp
{

// j_0 .. j_l_max at x >= 0.
std::vector<double> spherical_bessel(int l_max, double x);

// exp(-x) i_0(x) .. exp(-x) i_l_max(x) at x >= 0, the modified functions without their growth.
std::vector<double> scaled_modified_bessel(int l_max, double x);

// The first `count` positive zeros of j_l for l = 0 .. l_max: zeros[l][n].
std::vector<std::vector<double>> spherical_bessel_zeros(int l_max, int count);

}  // namespace ufp
