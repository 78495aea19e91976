// The Ewald sum against cubic symmetry, another division of the sum, and Poisson's equation.
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "check.hpp"
#include "ufp/error.hpp"
#include "ufp/lattice_sum.hpp"

namespace
{

const ufp::Cell skewed{{{6.1, 0.3, -0.2}, {1.4, 7.2, 0.5}, {-0.9, 0.8, 8.3}}};
const std::vector<double> positions{0.1, 0.2, 0.3, 2.5, 3.1, 1.2, 4.4, -2.0, 5.0, 9.0, 1.1, 2.2};
const std::vector<double> charges{1.0, -0.7, 0.4, 0.2};
const std::vector<std::size_t> all{0, 1, 2, 3};

std::vector<double> gradients(const ufp::Cell &cell, const std::vector<double> &x, const std::vector<double> &q,
                              const std::vector<std::size_t> &centres, const ufp::EwaldSplit &split)
{
  std::vector<double> efg(6 * centres.size());
  ufp::LatticeSum().gradients(cell, q.size(), x.data(), {1, q.data()}, centres.size(), centres.data(), split,
                              efg.data());
  return efg;
}

void rock_salt_vanishes()
{
  const double a = 5.64;
  const ufp::Cell cell{{{a, 0, 0}, {0, a, 0}, {0, 0, a}}};
  std::vector<double> x, q;
  for (int i = 0; i < 8; ++i) {
    const int corner[3] = {i & 1, (i >> 1) & 1, (i >> 2) & 1};
    for (int c : corner) x.push_back(c * a / 2);
    q.push_back((corner[0] + corner[1] + corner[2]) % 2 == 0 ? 1.0 : -1.0);
  }
  for (double v : gradients(cell, x, q, {0, 1, 7}, ufp::balanced_split(cell, 8, 3, 1e-15))) CHECK_CLOSE(v, 0, 1e-13);
}

void division_and_trace()
{
  const std::vector<double> v = gradients(skewed, positions, charges, all, ufp::split_at(0.35, 1e-15));
  const std::vector<double> w = gradients(skewed, positions, charges, all, ufp::split_at(0.7, 1e-15));
  const std::vector<double> u = gradients(skewed, positions, charges, all, ufp::balanced_split(skewed, 4, 4, 1e-15));
  for (std::size_t n = 0; n < v.size(); ++n) {
    CHECK_CLOSE(v[n], w[n], 1e-13);
    CHECK_CLOSE(v[n], u[n], 1e-13);
  }
  const double volume = 6.1 * (7.2 * 8.3 - 0.5 * 0.8) - 0.3 * (1.4 * 8.3 + 0.5 * 0.9) - 0.2 * (1.4 * 0.8 + 7.2 * 0.9);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK_CLOSE(v[6 * i] + v[6 * i + 1] + v[6 * i + 2], 4 * std::acos(-1.0) * 0.9 / volume, 1e-13);
}

// The work space of one object is used again for another cell, number of atoms and number of centres.
void object_is_reused()
{
  ufp::LatticeSum sum;
  const ufp::EwaldSplit split = ufp::split_at(0.5, 1e-10);
  std::vector<double> first(24), second(6), third(24);
  const ufp::Cell cube{{{9, 0, 0}, {0, 9, 0}, {0, 0, 9}}};
  sum.gradients(skewed, 4, positions.data(), {1, charges.data()}, 4, all.data(), split, first.data());
  sum.gradients(cube, 2, positions.data(), {1, charges.data()}, 1, all.data(), split, second.data());
  sum.gradients(skewed, 4, positions.data(), {1, charges.data()}, 4, all.data(), split, third.data());
  for (std::size_t n = 0; n < 24; ++n) CHECK_CLOSE(first[n], third[n], 0);
}

bool refused(const ufp::Cell &cell, const std::vector<double> &x, const std::vector<std::size_t> &centres)
{
  try {
    gradients(cell, x, charges, centres, ufp::split_at(0.5, 1e-8));
  } catch (const ufp::DomainError &) {
    return true;
  }
  return false;
}

void bad_input_is_refused()
{
  std::vector<double> bad = positions;
  bad[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK(refused(skewed, bad, all));
  bad = positions;
  for (std::size_t a = 0; a < 3; ++a) bad[3 + a] = bad[a] + skewed[0][a] - skewed[2][a];
  CHECK(refused(skewed, bad, all));
  CHECK(refused({{{1, 0, 0}, {0, 1, 0}, {1, 1, 0}}}, positions, all));
  CHECK(refused(skewed, positions, {1, 1}));
  CHECK(!refused(skewed, positions, all));
}

}  // namespace

int main()
{
  rock_salt_vanishes();
  division_and_trace();
  object_is_reused();
  bad_input_is_refused();
}
