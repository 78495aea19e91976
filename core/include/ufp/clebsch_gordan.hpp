// Clebsch-Gordan coefficients between real spherical harmonics (order of harmonics.hpp).
#pragma once

#include <utility>
#include <vector>

namespace ufp
{

// One coefficient that is not zero; m1, m2, mu count from 0, that is from m = -l.
struct Coupling {
  int m1, m2, mu;
  double value;
};

// Whether l1 and l2 couple to a proper tensor of rank lambda: |l1 - l2| <= lambda <= l1 + l2 and l1 + l2 + lambda even.
bool couples(int l1, int l2, int lambda);

// C^{lambda mu}_{l1 m1, l2 m2}, ordered by (m1, m2, mu); sum_{m1 m2} C^mu C^nu = delta_{mu nu}.
// Signs: C^{2 mu}_{00, 2m} = delta, C^{00}_{lm, lm'} = (-1)^l delta / sqrt(2l+1), and l = 1 x l = 1 gives the traceless
// symmetric part of a b^T.
std::vector<Coupling> clebsch_gordan(int l1, int l2, int lambda);

// (l1, l2) with l1 <= l2 <= l_max that couple to lambda, ascending: the blocks of an irreducible feature list.
std::vector<std::pair<int, int>> coupled_pairs(int l_max, int lambda);

}  // namespace ufp
