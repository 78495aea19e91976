// The polarisable model against sums over charges that stand for its dipoles, and what must not change it.
#include "ufp/polarisable.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "check.hpp"
#include "ufp/error.hpp"

namespace
{

using Vector = std::array<double, 3>;
enum { li, p, s };

// A PS3 with one bond that is breaking, an S alone, Li around them.
const std::vector<int> species{li, p, s, s, s, s, li, li};
const std::vector<double> positions{0.2, 0.1, -0.3, 3.1, 0.4,  0.2, 2.0, 1.9, 0.9, 2.3, -0.6, -1.4,
                                    5.2, 0.9, 0.8,  0.5, -2.6, 0.4, 5.1, 3.3, 2.0, 3.9, -2.9, 1.1};
const ufp::Cell skewed{{{9.1, 0.3, -0.2}, {1.4, 8.2, 0.5}, {-0.9, 0.8, 8.3}}};
const std::vector<std::size_t> centres{0, 6, 7};

ufp::PolarisableSpec spec()
{
  ufp::PolarisableSpec out{{{p, s, 2.4, 2.05}}, {0.3, 0.7, -0.9}, 1.5, 6.0, 4, 1e-12, 3, {}};
  out.kernel = {
      {2.5, 1.9, 0.3, 0.4, 0.4, 0.3, 0.3, 0.2}, {0, 0}, {{1.0, 0.3, 0, 0.2, 0, 0, 0.1, 0}, {1.5, -0.4, 0.3}}, 5.0};
  return out;
}

ufp::PolarisableAtoms atoms(const ufp::Cell &cell, const std::vector<double> &x,
                            const std::vector<int> &kinds = species)
{
  return {cell, kinds.size(), x.data(), kinds.data()};
}

std::vector<double> columns(const ufp::PolarisableAtoms &structure, const std::vector<std::size_t> &sites = centres)
{
  std::vector<double> out(6 * sites.size() * ufp::polarisable_columns(spec()));
  ufp::PolarisableModel(spec()).columns(structure, sites.size(), sites.data(), out.data());
  return out;
}

std::vector<double> coefficients()
{
  std::vector<double> out(ufp::polarisable_columns(spec()));
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = std::sin(1.7 * static_cast<double>(k) + 0.3);
  return out;
}

std::vector<double> predict(const ufp::PolarisableAtoms &structure, const std::vector<std::size_t> &sites = centres)
{
  std::vector<double> out(6 * sites.size());
  ufp::PolarisableModel(spec()).predict(structure, sites.size(), sites.data(), coefficients().data(), out.data());
  return out;
}

void close(const std::vector<double> &found, const std::vector<double> &expected, double tolerance)
{
  CHECK(found.size() == expected.size());
  for (std::size_t n = 0; n < found.size(); ++n) CHECK_CLOSE(found[n], expected[n], tolerance);
}

// Σ q (3 dd - d²) / d⁵ of point charges without images.
std::array<double, 6> direct(const Vector &at, const std::vector<Vector> &x, const std::vector<double> &q)
{
  std::array<double, 6> v{};
  constexpr std::size_t first[6] = {0, 1, 2, 0, 0, 1}, second[6] = {0, 1, 2, 1, 2, 2};
  for (std::size_t j = 0; j < x.size(); ++j) {
    const Vector d{x[j][0] - at[0], x[j][1] - at[1], x[j][2] - at[2]};
    const double r2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
    for (std::size_t e = 0; e < 6; ++e)
      v[e] += q[j] * (3 * d[first[e]] * d[second[e]] - (e < 3 ? r2 : 0)) / (r2 * r2 * std::sqrt(r2));
  }
  return v;
}

Vector place(std::size_t atom)
{
  return {positions[3 * atom], positions[3 * atom + 1], positions[3 * atom + 2]};
}

// In a large cell the images of what is neutral vanish: flow along the bonds, and dipoles as two charges each.
void direct_sums()
{
  constexpr double edge = 300, h = 1e-3;
  const ufp::Cell large{{{edge, 0, 0}, {0, edge, 0}, {0, 0, edge}}};
  ufp::PolarisableSpec coarse = spec();
  coarse.tolerance = 1e-9;
  const std::size_t count = ufp::polarisable_columns(coarse);
  std::vector<double> found(6 * count);
  const std::size_t site = 0;
  ufp::PolarisableModel model(coarse);
  model.columns(atoms(large, positions), 1, &site, found.data());
  std::size_t unbound = 0;
  const std::vector<ufp::LigandBond> bonds = model.bonds(atoms(large, positions), unbound);
  CHECK(unbound == 1);
  CHECK(bonds.size() == 3);
  CHECK(bonds[0].weight == 1);
  CHECK(bonds[2].weight > 0 && bonds[2].weight < 1);
  std::vector<Vector> ends, poles;
  std::vector<double> stretched, dipole, stretched_dipole;
  for (const ufp::LigandBond &bond : bonds) {
    const double stretch = bond.distance - 2.05;
    for (std::size_t atom : {bond.ligand, bond.centre}) ends.push_back(place(atom));
    for (double sign : {1.0, -1.0}) {
      stretched.push_back(sign * bond.weight * stretch);
      Vector x = place(bond.ligand);
      for (std::size_t d = 0; d < 3; ++d) x[d] += sign * h * bond.direction[d];
      poles.push_back(x);
      dipole.push_back(sign * bond.weight / (2 * h));
      stretched_dipole.push_back(sign * bond.weight * stretch / (2 * h));
    }
  }
  const std::array<double, 6> flow = direct(place(0), ends, stretched), along = direct(place(0), poles, dipole),
                              stretch = direct(place(0), poles, stretched_dipole);
  for (std::size_t e = 0; e < 6; ++e) {
    CHECK_CLOSE(found[6 * 3 + e], flow[e], 2e-6);
    CHECK_CLOSE(found[6 * 7 + e], along[e], 2e-6);
    CHECK_CLOSE(found[6 * 8 + e], stretch[e], 2e-6);
  }
}

void prediction_is_the_sum_of_the_columns()
{
  const std::vector<double> x = columns(atoms(skewed, positions)), w = coefficients();
  std::vector<double> sum(6 * centres.size());
  for (std::size_t i = 0; i < centres.size(); ++i)
    for (std::size_t k = 0; k < w.size(); ++k)
      for (std::size_t e = 0; e < 6; ++e) sum[6 * i + e] += w[k] * x[6 * (i * w.size() + k) + e];
  close(predict(atoms(skewed, positions)), sum, 1e-10);
}

void images_and_cells()
{
  const std::vector<double> expected = predict(atoms(skewed, positions));
  std::vector<double> moved = positions;
  for (std::size_t i = 0; i < species.size(); ++i)
    for (std::size_t d = 0; d < 3; ++d) {
      const int n = static_cast<int>(i % 3) - 1;
      moved[3 * i + d] += n * skewed[i % 3][d] + 0.7;
    }
  close(predict(atoms(skewed, moved)), expected, 1e-8);
  ufp::Cell other = skewed;
  for (std::size_t d = 0; d < 3; ++d) other[1][d] += skewed[0][d] - skewed[2][d];
  close(predict(atoms(other, positions)), expected, 1e-8);

  ufp::Cell twice = skewed;
  std::vector<double> x = positions;
  std::vector<int> kinds = species;
  for (std::size_t i = 0; i < species.size(); ++i) {
    kinds.push_back(species[i]);
    for (std::size_t d = 0; d < 3; ++d) x.push_back(positions[3 * i + d] + skewed[0][d]);
  }
  for (double &component : twice[0]) component *= 2;
  close(predict(atoms(twice, x, kinds)), expected, 1e-8);
}

void rotation()
{
  const double c = std::cos(0.7), t = std::sin(0.7);
  const double q[3][3] = {{c, -t * 0.6, t * 0.8}, {t, c * 0.6, -c * 0.8}, {0, 0.8, 0.6}};
  const auto turn = [&](const double *v, double *out) {
    for (std::size_t a = 0; a < 3; ++a) out[a] = q[a][0] * v[0] + q[a][1] * v[1] + q[a][2] * v[2];
  };
  ufp::Cell cell{};
  std::vector<double> x(positions.size());
  for (std::size_t d = 0; d < 3; ++d) turn(skewed[d].data(), cell[d].data());
  for (std::size_t i = 0; i < species.size(); ++i) turn(&positions[3 * i], &x[3 * i]);
  const std::vector<double> before = predict(atoms(skewed, positions)), after = predict(atoms(cell, x));
  constexpr std::size_t index[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
  for (std::size_t i = 0; i < centres.size(); ++i)
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = a; b < 3; ++b) {
        double expected = 0;
        for (std::size_t m = 0; m < 3; ++m)
          for (std::size_t n = 0; n < 3; ++n) expected += q[a][m] * before[6 * i + index[m][n]] * q[b][n];
        CHECK_CLOSE(after[6 * i + index[a][b]], expected, 1e-8);
      }
}

void permutation()
{
  const std::vector<std::size_t> order{5, 7, 3, 0, 1, 6, 4, 2};
  std::vector<double> x;
  std::vector<int> kinds;
  std::vector<std::size_t> sites(centres.size());
  for (std::size_t n = 0; n < order.size(); ++n) {
    kinds.push_back(species[order[n]]);
    x.insert(x.end(), &positions[3 * order[n]], &positions[3 * order[n]] + 3);
    for (std::size_t k = 0; k < centres.size(); ++k)
      if (centres[k] == order[n]) sites[k] = n;
  }
  close(predict(atoms(skewed, x, kinds), sites), predict(atoms(skewed, positions)), 1e-10);
}

// The tensor is a smooth function of the positions, through a breaking bond too: its difference quotients converge.
void derivatives()
{
  const auto at = [](double shift) {
    std::vector<double> x = positions;
    x[3 * 4] += shift;  // the S whose bond is breaking
    x[3 * 5 + 1] -= shift;
    return predict(atoms(skewed, x));
  };
  const std::vector<double> a = at(-1e-3), b = at(1e-3), c = at(-2e-3), d = at(2e-3);
  for (std::size_t n = 0; n < a.size(); ++n) {
    const double fine = (b[n] - a[n]) / 2e-3, coarse = (d[n] - c[n]) / 4e-3;
    CHECK_CLOSE(coarse, fine, 2e-4 * (1 + std::fabs(fine)));
  }
}

void refusals()
{
  const auto refuses = [](ufp::PolarisableSpec bad) {
    try {
      ufp::PolarisableModel{bad};
    } catch (const ufp::DomainError &) {
      return true;
    }
    return false;
  };
  ufp::PolarisableSpec bad = spec();
  bad.surroundings = -1;
  CHECK(refuses(bad));
  bad = spec();
  bad.kernel.kind = {0, 1};
  CHECK(refuses(bad));
  bad = spec();
  bad.kernel.scale[3] = 0;
  CHECK(refuses(bad));
  bad = spec();
  bad.bonds[0].ligand = p;
  CHECK(refuses(bad));
  CHECK(!refuses(spec()));
}

}  // namespace

int main()
{
  direct_sums();
  prediction_is_the_sum_of_the_columns();
  images_and_cells();
  rotation();
  permutation();
  derivatives();
  refusals();
}
