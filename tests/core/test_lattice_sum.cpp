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

struct RockSalt {
  static constexpr double a = 5.64;
  ufp::Cell cell{{{a, 0, 0}, {0, a, 0}, {0, 0, a}}};
  std::vector<double> x, q;

  RockSalt()
  {
    for (int i = 0; i < 8; ++i) {
      const int corner[3] = {i & 1, (i >> 1) & 1, (i >> 2) & 1};
      for (int c : corner) x.push_back(c * a / 2);
      q.push_back((corner[0] + corner[1] + corner[2]) % 2 == 0 ? 1.0 : -1.0);
    }
  }
};

void rock_salt_vanishes()
{
  const RockSalt salt;
  for (double v : gradients(salt.cell, salt.x, salt.q, {0, 1, 7}, ufp::balanced_split(salt.cell, 8, 3, 1e-15)))
    CHECK_CLOSE(v, 0, 1e-13);
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

// φ Ex Ey Ez of charges and dipoles at the last atom.
std::vector<double> field(const std::vector<double> &x, const std::vector<double> &q, const std::vector<double> &mu,
                          const ufp::EwaldSplit &split)
{
  std::vector<double> out(4);
  const std::size_t target = q.size() - 1;
  ufp::LatticeSum().fields(skewed, q.size(), x.data(), {1, q.data(), mu.data()}, 1, &target, split, out.data());
  return out;
}

std::vector<double> gradient(const std::vector<double> &x, const std::vector<double> &q, const std::vector<double> &mu,
                             const ufp::EwaldSplit &split)
{
  std::vector<double> out(6);
  const std::size_t target = q.size() - 1;
  ufp::LatticeSum().gradients(skewed, q.size(), x.data(), {1, q.data(), mu.data()}, 1, &target, split, out.data());
  return out;
}

const std::vector<double> dipoles{0.3, -0.2, 0.5, 0.1, 0.8, -0.4, -0.6, 0.2, 0.3, 0.2, 0.7, -0.5};
const ufp::EwaldSplit exact = ufp::split_at(0.5, 1e-15);

void multipoles_do_not_depend_on_the_division()
{
  const ufp::EwaldSplit other = ufp::split_at(0.8, 1e-15);
  const std::vector<double> a = field(positions, charges, dipoles, exact),
                            b = field(positions, charges, dipoles, other);
  for (std::size_t n = 0; n < a.size(); ++n) CHECK_CLOSE(a[n], b[n], 1e-12);
  const std::vector<double> v = gradient(positions, charges, dipoles, exact),
                            w = gradient(positions, charges, dipoles, other);
  for (std::size_t n = 0; n < v.size(); ++n) CHECK_CLOSE(v[n], w[n], 1e-12);
}

// Four unlike pairs of charges ±1/h at a distance h, on atoms of their own, act as four dipoles.
void a_dipole_is_two_charges()
{
  const double h = 1e-2;
  std::vector<double> x, q;
  for (std::size_t i = 0; i < 3; ++i)
    for (int sign : {-1, 1}) {
      for (std::size_t d = 0; d < 3; ++d) x.push_back(positions[3 * i + d] + sign * h / 2 * dipoles[3 * i + d]);
      q.push_back(sign / h);
    }
  for (std::size_t d = 0; d < 3; ++d) x.push_back(positions[9 + d]);
  q.push_back(0);
  std::vector<double> mu = dipoles;
  for (std::size_t d = 0; d < 3; ++d) mu[9 + d] = 0;
  const std::vector<double> zero(4, 0.0), no(21, 0.0);
  const std::vector<double> a = field(positions, zero, mu, exact), b = field(x, q, no, exact);
  const std::vector<double> v = gradient(positions, zero, mu, exact), w = gradient(x, q, no, exact);
  for (std::size_t n = 0; n < 4; ++n) CHECK_CLOSE(a[n], b[n], 1e-5);
  for (std::size_t n = 0; n < 6; ++n) CHECK_CLOSE(v[n], w[n], 1e-5);
}

// At an atom that carries nothing: E = -∇φ, V = -∇E.
void derivatives()
{
  const double h = 1e-4;
  const std::vector<double> q{1.0, -0.7, 0.4, 0.0};
  std::vector<double> mu = dipoles;
  for (std::size_t d = 0; d < 3; ++d) mu[9 + d] = 0;
  const std::size_t component[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
  const std::vector<double> here = field(positions, q, mu, exact), v = gradient(positions, q, mu, exact);
  for (std::size_t d = 0; d < 3; ++d) {
    std::vector<double> up = positions, down = positions;
    up[9 + d] += h;
    down[9 + d] -= h;
    const std::vector<double> a = field(up, q, mu, exact), b = field(down, q, mu, exact);
    CHECK_CLOSE(here[1 + d], -(a[0] - b[0]) / (2 * h), 1e-8);
    for (std::size_t e = 0; e < 3; ++e) CHECK_CLOSE(v[component[d][e]], -(a[1 + e] - b[1 + e]) / (2 * h), 1e-7);
  }
}

// The potential of rock salt at a cation is -M/d, M = 1.7475645946331822 (Madelung); its field is 0.
void madelung()
{
  const RockSalt salt;
  std::vector<double> out(4);
  const std::size_t target = 0;
  ufp::LatticeSum().fields(salt.cell, 8, salt.x.data(), {1, salt.q.data()}, 1, &target,
                           ufp::balanced_split(salt.cell, 8, 1, 1e-15), out.data());
  CHECK_CLOSE(out[0], -1.7475645946331822 / (RockSalt::a / 2), 1e-12);
  for (std::size_t d = 1; d < 4; ++d) CHECK_CLOSE(out[d], 0, 1e-12);
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
  multipoles_do_not_depend_on_the_division();
  a_dipole_is_two_charges();
  derivatives();
  madelung();
  bad_input_is_refused();
}
