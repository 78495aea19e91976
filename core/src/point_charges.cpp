#include "ufp/point_charges.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "ufp/error.hpp"

namespace ufp
{
namespace
{

constexpr double pi = 3.14159265358979323846;
constexpr double sqrt_pi = 1.77245385090551602730;
constexpr double coincident = 1e-3;  // Å: closer atoms are one atom read twice

double dot(const std::array<double, 3> &a, const std::array<double, 3> &b)
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

std::array<double, 3> cross(const std::array<double, 3> &a, const std::array<double, 3> &b)
{
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double volume(const Cell &cell)
{
  return std::fabs(dot(cell[0], cross(cell[1], cell[2])));
}

// Rows a*, b*, c* with a·a* = 1 (no 2π); 1/|a*| is the height of the cell over its b-c face.
Cell reciprocal(const Cell &cell)
{
  const double signed_volume = dot(cell[0], cross(cell[1], cell[2]));
  Cell result{};
  for (std::size_t d = 0; d < 3; ++d) {
    result[d] = cross(cell[(d + 1) % 3], cell[(d + 2) % 3]);
    for (double &x : result[d]) x /= signed_volume;
  }
  return result;
}

// Boys functions F_m(x) = ∫_0^1 t^{2m} exp(-x t²) dt, m = 1..7, on a grid of x = (alpha r)². Since F_m' = -F_{m+1}, one
// row of them is the Taylor series of both F_1 and F_2: half a step of 0.025 leaves an error below 1e-13.
class BoysTable
{
 public:
  static constexpr double step = 0.05;
  static constexpr std::size_t width = 8;

  explicit BoysTable(double largest) : rows_(width * (static_cast<std::size_t>(largest / step) + 2))
  {
    for (std::size_t row = 0; row < rows_.size() / width; ++row) {
      const double x = (static_cast<double>(row) + 0.5) * step;
      double *f = &rows_[row * width];
      f[7] = series(7, x);
      for (int m = 6; m >= 0; --m) f[m] = (2 * x * f[m + 1] + std::exp(-x)) / (2 * m + 1);
    }
  }

  void operator()(double x, double &f1, double &f2) const
  {
    const double scaled = x * (1 / step);
    const std::size_t row = static_cast<std::size_t>(scaled);
    const double d = (static_cast<double>(row) + 0.5 - scaled) * step;
    const double *f = &rows_[row * width];
    f1 =
        f[1] + d * (f[2] + d * (1. / 2) * (f[3] + d * (1. / 3) * (f[4] + d * (1. / 4) * (f[5] + d * (1. / 5) * f[6]))));
    f2 =
        f[2] + d * (f[3] + d * (1. / 2) * (f[4] + d * (1. / 3) * (f[5] + d * (1. / 4) * (f[6] + d * (1. / 5) * f[7]))));
  }

 private:
  static double series(int m, double x)
  {
    double term = 1.0 / (2 * m + 1), sum = term;
    for (int i = 1; term > 1e-17 * sum; ++i) {
      term *= 2 * x / (2 * (m + i) + 1);
      sum += term;
    }
    return std::exp(-x) * sum;
  }

  std::vector<double> rows_;
};

// Reach of both sums in units of 1/alpha: exp(-reach²) is the tolerance, and exp(-5) pays for the prefactors of a
// second derivative.
double reach(double tolerance)
{
  return std::sqrt(5.0 - std::log(std::clamp(tolerance, 1e-15, 1e-2)));
}

[[noreturn]] void throw_coincident(std::size_t i, std::size_t j)
{
  throw DomainError("expected atoms at different points, found atoms " + std::to_string(std::min(i, j)) + " and " +
                    std::to_string(std::max(i, j)) + " less than 0.001 Å apart");
}

const BoysTable &boys()
{
  static const BoysTable table(reach(0.0) * reach(0.0));
  return table;
}

}  // namespace

EwaldSplit split_at(double alpha, double tolerance)
{
  const double s = reach(tolerance);
  return {alpha, s / alpha, 2 * alpha * s};
}

EwaldSplit balanced_split(const Cell &cell, std::size_t n_atoms, std::size_t n_centres, double tolerance)
{
  // Measured on one core: a pair costs about as much as sixteen atoms of one wave vector. With n_c ρ (4π/3)(s/α)³ pairs
  // and Ω(2αs)³/12π² wave vectors (half of k space) the sum of both costs is least where they are equal.
  constexpr double pair_cost = 16.0;
  const double omega = volume(cell);
  if (!(omega > 0)) throw DomainError("expected a cell with a volume, found one whose edges lie in a plane");
  const double atoms = static_cast<double>(n_atoms), centres = static_cast<double>(std::max<std::size_t>(n_centres, 1));
  const double pairs = pair_cost * centres * atoms / omega * (4 * pi / 3);
  const double waves = (atoms + centres) * omega * 8 / (12 * pi * pi);
  return split_at(std::pow(pairs / waves, 1.0 / 6), tolerance);
}

void PointChargeSum::evaluate(const Cell &cell, std::size_t n_atoms, const double *positions, std::size_t n_sets,
                              const double *charges, std::size_t n_centres, const std::size_t *centres,
                              const EwaldSplit &split, double *efg)
{
  if (!(volume(cell) > 0)) throw DomainError("expected a cell with a volume, found one whose edges lie in a plane");
  n_atoms_ = n_atoms;
  n_sets_ = n_sets;
  n_centres_ = n_centres;
  std::fill(efg, efg + n_centres * n_sets * 6, 0.0);
  place(cell, positions, centres, charges);
  list_images(cell, split.real_cutoff);
  add_real_space(split, efg);
  add_k_space(cell, split, efg);
  add_own_gaussian(split.alpha, efg);
}

// Wrap into the cell, centres first: then the loops over centres run over contiguous memory.
void PointChargeSum::place(const Cell &cell, const double *positions, const std::size_t *centres, const double *charges)
{
  std::vector<char> is_centre(n_atoms_, 0);
  order_.assign(centres, centres + n_centres_);
  for (std::size_t i : order_) {
    if (is_centre[i]) throw DomainError("expected each centre once, found atom " + std::to_string(i) + " twice");
    is_centre[i] = 1;
  }
  for (std::size_t i = 0; i < n_atoms_; ++i)
    if (!is_centre[i]) order_.push_back(i);

  const Cell inverse = reciprocal(cell);
  charge_.resize(n_sets_ * n_atoms_);
  for (auto &f : fraction_) f.resize(n_atoms_);
  for (std::size_t p = 0; p < n_atoms_; ++p) {
    const double *x = positions + 3 * order_[p];
    for (std::size_t d = 0; d < 3; ++d) {
      const double f = dot(inverse[d], {x[0], x[1], x[2]});
      if (!std::isfinite(f))
        throw DomainError("expected finite coordinates, found a position of atom " + std::to_string(order_[p]) +
                          " that is not");
      fraction_[d][p] = f - std::floor(f);
    }
    for (std::size_t s = 0; s < n_sets_; ++s) charge_[s * n_atoms_ + p] = charges[s * n_atoms_ + order_[p]];
  }
}

// All images within `cutoff` of the cell, found from the perpendicular heights (edge lengths mislead in skewed cells).
void PointChargeSum::list_images(const Cell &cell, double cutoff)
{
  const Cell inverse = reciprocal(cell);
  std::array<double, 3> margin{};
  std::array<int, 3> reach_in_cells{};
  for (std::size_t d = 0; d < 3; ++d) {
    margin[d] = cutoff * std::sqrt(dot(inverse[d], inverse[d]));
    reach_in_cells[d] = static_cast<int>(margin[d]) + 1;
  }
  for (auto &x : image_) x.clear();
  image_place_.clear();
  home_.resize(n_atoms_);
  for (int i = -reach_in_cells[0]; i <= reach_in_cells[0]; ++i)
    for (int j = -reach_in_cells[1]; j <= reach_in_cells[1]; ++j)
      for (int k = -reach_in_cells[2]; k <= reach_in_cells[2]; ++k)
        for (std::size_t p = 0; p < n_atoms_; ++p) {
          const std::array<double, 3> f{fraction_[0][p] + i, fraction_[1][p] + j, fraction_[2][p] + k};
          bool seen = true;
          for (std::size_t d = 0; d < 3; ++d) seen = seen && f[d] >= -margin[d] && f[d] <= 1 + margin[d];
          if (!seen) continue;
          if (i == 0 && j == 0 && k == 0) home_[p] = image_place_.size();
          for (std::size_t a = 0; a < 3; ++a)
            image_[a].push_back(f[0] * cell[0][a] + f[1] * cell[1][a] + f[2] * cell[2][a]);
          image_place_.push_back(p);
        }
}

// Σ q [B2 D_a D_b - B1 δ_ab], B1 = 1/r³ - (4α³/√π) F_1(α²r²), B2 = 3/r⁵ - (8α⁵/√π) F_2(α²r²): the functions B1, B2 of
// the usual form with erfc, divided into a singular and an entire part.
void PointChargeSum::add_real_space(const EwaldSplit &split, double *efg)
{
  const BoysTable &table = boys();
  const double alpha2 = split.alpha * split.alpha;
  const double c1 = 4 * alpha2 * split.alpha / sqrt_pi, c2 = 2 * alpha2 * c1;
  const double cutoff2 = split.real_cutoff * split.real_cutoff;
  const std::size_t n_images = image_place_.size();
  const double *x = image_[0].data(), *y = image_[1].data(), *z = image_[2].data();
  near_.resize(n_images);

  for (std::size_t i = 0; i < n_centres_; ++i) {
    const double xi = x[home_[i]], yi = y[home_[i]], zi = z[home_[i]];
    std::size_t n_near = 0;
    for (std::size_t j = 0; j < n_images; ++j) {
      const double dx = x[j] - xi, dy = y[j] - yi, dz = z[j] - zi;
      near_[n_near] = j;
      n_near += static_cast<std::size_t>(dx * dx + dy * dy + dz * dz < cutoff2);
    }
    for (std::size_t n = 0; n < n_near; ++n) {
      const std::size_t j = near_[n];
      if (j == home_[i]) continue;
      const double dx = x[j] - xi, dy = y[j] - yi, dz = z[j] - zi;
      const double r2 = dx * dx + dy * dy + dz * dz;
      if (r2 < coincident * coincident) throw_coincident(order_[i], order_[image_place_[j]]);
      const double inverse2 = 1 / r2, inverse3 = inverse2 * std::sqrt(inverse2);
      double f1, f2;
      table(alpha2 * r2, f1, f2);
      const double b1 = inverse3 - c1 * f1, b2 = 3 * inverse3 * inverse2 - c2 * f2;
      const double bx = b2 * dx, by = b2 * dy, bz = b2 * dz;
      for (std::size_t s = 0; s < n_sets_; ++s) {
        const double q = charge_[s * n_atoms_ + image_place_[j]];
        double *v = efg + 6 * (i * n_sets_ + s);
        v[0] += q * (bx * dx - b1);
        v[1] += q * (by * dy - b1);
        v[2] += q * (bz * dz - b1);
        v[3] += q * bx * dy;
        v[4] += q * bx * dz;
        v[5] += q * by * dz;
      }
    }
  }
}

// -(4π/Ω) Σ k_a k_b exp(-k²/4α²)/k² Re[exp(-ik·x_i) Σ_j q_j exp(ik·x_j)] over half of the wave vectors, doubled.
// k = 2π (h a* + k b* + l c*): exponentials are products of powers along the three axes, and the six k_a k_b are built
// from moments 1, l, l² of the innermost sum.
void PointChargeSum::add_k_space(const Cell &cell, const EwaldSplit &split, double *efg)
{
  Cell star = reciprocal(cell);
  for (auto &row : star)
    for (double &component : row) component *= 2 * pi;
  const double cutoff2 = split.k_cutoff * split.k_cutoff;
  const double quarter = 1 / (4 * split.alpha * split.alpha), prefactor = -2 * 4 * pi / volume(cell);
  std::array<int, 3> top{};
  for (std::size_t d = 0; d < 3; ++d) {
    top[d] = static_cast<int>(split.k_cutoff * std::sqrt(dot(cell[d], cell[d])) / (2 * pi));
    tabulate_powers(d, static_cast<std::size_t>(top[d]));
  }
  plane_cos_.resize(n_atoms_);
  plane_sin_.resize(n_atoms_);
  wave_cos_.resize(n_atoms_);
  wave_sin_.resize(n_atoms_);

  for (int h = 0; h <= top[0]; ++h)
    for (int k = h == 0 ? 0 : -top[1]; k <= top[1]; ++k) {
      std::array<double, 3> plane{};
      for (std::size_t a = 0; a < 3; ++a) plane[a] = h * star[0][a] + k * star[1][a];
      multiply(power(0, h), power(1, std::abs(k)), k < 0 ? -1.0 : 1.0, plane_cos_.data(), plane_sin_.data());
      moments_.assign(n_centres_ * n_sets_ * 3, 0.0);
      bool any = false;
      for (int l = h == 0 && k == 0 ? 1 : -top[2]; l <= top[2]; ++l) {
        double k2 = 0;
        for (std::size_t a = 0; a < 3; ++a) {
          const double component = plane[a] + l * star[2][a];
          k2 += component * component;
        }
        if (k2 >= cutoff2) continue;
        any = true;
        multiply({plane_cos_.data(), plane_sin_.data()}, power(2, std::abs(l)), l < 0 ? -1.0 : 1.0, wave_cos_.data(),
                 wave_sin_.data());
        add_wave(prefactor * std::exp(-k2 * quarter) / k2, l);
      }
      if (any) add_moments(plane, star[2], efg);
    }
}

void PointChargeSum::tabulate_powers(std::size_t axis, std::size_t top)
{
  auto &c = cosine_[axis], &s = sine_[axis];
  c.resize((top + 1) * n_atoms_);
  s.resize((top + 1) * n_atoms_);
  for (std::size_t p = 0; p < n_atoms_; ++p) {
    const double c1 = std::cos(2 * pi * fraction_[axis][p]), s1 = std::sin(2 * pi * fraction_[axis][p]);
    c[p] = 1;
    s[p] = 0;
    for (std::size_t m = 1; m <= top; ++m) {
      const std::size_t now = m * n_atoms_ + p, before = now - n_atoms_;
      c[now] = c[before] * c1 - s[before] * s1;
      s[now] = s[before] * c1 + c[before] * s1;
    }
  }
}

PointChargeSum::Wave PointChargeSum::power(std::size_t axis, int m) const
{
  const std::size_t start = static_cast<std::size_t>(m) * n_atoms_;
  return {&cosine_[axis][start], &sine_[axis][start]};
}

// Product of two complex waves, the second conjugated if `sign` is -1.
void PointChargeSum::multiply(const Wave &a, const Wave &b, double sign, double *__restrict cosine,
                              double *__restrict sine) const
{
  for (std::size_t p = 0; p < n_atoms_; ++p) {
    const double sb = sign * b.sine[p];
    cosine[p] = a.cosine[p] * b.cosine[p] - a.sine[p] * sb;
    sine[p] = a.sine[p] * b.cosine[p] + a.cosine[p] * sb;
  }
}

void PointChargeSum::add_wave(double weight, int l)
{
  const double first = l, second = static_cast<double>(l) * l;
  const double *__restrict c = wave_cos_.data(), *__restrict s = wave_sin_.data();
  for (std::size_t set = 0; set < n_sets_; ++set) {
    const double *__restrict q = &charge_[set * n_atoms_];
    double sum_c = 0, sum_s = 0;
#pragma omp simd reduction(+ : sum_c, sum_s)
    for (std::size_t p = 0; p < n_atoms_; ++p) {
      sum_c += q[p] * c[p];
      sum_s += q[p] * s[p];
    }
    sum_c *= weight;
    sum_s *= weight;
    double *__restrict m0 = &moments_[3 * set * n_centres_], *__restrict m1 = m0 + n_centres_,
                       *__restrict m2 = m1 + n_centres_;
    for (std::size_t i = 0; i < n_centres_; ++i) {
      const double t = c[i] * sum_c + s[i] * sum_s;
      m0[i] += t;
      m1[i] += first * t;
      m2[i] += second * t;
    }
  }
}

// Σ_l t (p + l c*)_a (p + l c*)_b = m0 p_a p_b + m1 (p_a c*_b + c*_a p_b) + m2 c*_a c*_b
void PointChargeSum::add_moments(const std::array<double, 3> &p, const std::array<double, 3> &c, double *efg) const
{
  constexpr std::size_t first[6] = {0, 1, 2, 0, 0, 1}, second[6] = {0, 1, 2, 1, 2, 2};
  for (std::size_t set = 0; set < n_sets_; ++set) {
    const double *m = &moments_[3 * set * n_centres_];
    for (std::size_t i = 0; i < n_centres_; ++i) {
      double *v = efg + 6 * (i * n_sets_ + set);
      const double m0 = m[i], m1 = m[n_centres_ + i], m2 = m[2 * n_centres_ + i];
      for (std::size_t e = 0; e < 6; ++e) {
        const std::size_t a = first[e], b = second[e];
        v[e] += m0 * p[a] * p[b] + m1 * (p[a] * c[b] + c[a] * p[b]) + m2 * c[a] * c[b];
      }
    }
  }
}

// What k space holds of the atom's own Gaussian.
void PointChargeSum::add_own_gaussian(double alpha, double *efg) const
{
  const double own = 4 * alpha * alpha * alpha / (3 * sqrt_pi);
  for (std::size_t i = 0; i < n_centres_; ++i)
    for (std::size_t s = 0; s < n_sets_; ++s)
      for (std::size_t e = 0; e < 3; ++e) efg[6 * (i * n_sets_ + s) + e] += own * charge_[s * n_atoms_ + i];
}

}  // namespace ufp
