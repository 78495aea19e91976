#include "ufp/lattice_sum.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "boys.hpp"
#include "real_kernel.hpp"
#include "ufp/error.hpp"
#include "ufp/simd.hpp"
#include "wave_kernel.hpp"

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

// Reach of both sums in units of 1/alpha: exp(-reach²) is the tolerance, and exp(-5) pays for the prefactors of a
// second derivative.
double reach(double tolerance)
{
  return std::sqrt(5.0 - std::log(std::clamp(tolerance, 1e-15, 1e-2)));
}

using WaveKernel = void (*)(const WaveCall &) noexcept;

WaveKernel wave_kernel()
{
  switch (simd_from_environment()) {
#ifdef UFP_X86_KERNELS
  case Simd::avx512:
    return wave_kernel_avx512;
  case Simd::avx2:
    return wave_kernel_avx2;
#endif
  default:
    return wave_kernel_baseline;
  }
}

using RealKernel = int (*)(const RealCall &) noexcept;

RealKernel real_kernel()
{
  switch (simd_from_environment()) {
#ifdef UFP_X86_KERNELS
  case Simd::avx512:
    return real_kernel_avx512;
  case Simd::avx2:
    return real_kernel_avx2;
#endif
  default:
    return real_kernel_baseline;
  }
}

// A multiple of eight.
std::size_t padded(std::size_t n)
{
  return (n + 7) / 8 * 8;
}

// The vector of four that holds a place becomes part of the spans, which are found in ascending order.
void extend(std::vector<Span> &spans, std::size_t place)
{
  const std::size_t begin = place / 4 * 4;
  if (spans.empty() || spans.back().end < begin) spans.push_back({begin, begin});
  spans.back().end = begin + 4;
}

const BoysTable &boys()
{
  static const BoysTable table(reach(0.0) * reach(0.0));
  return table;
}

// What is summed at a target: the B_n that it needs (`lowest` and up), and how wave vectors k = p + l c enter.
struct Gradient {
  static constexpr std::size_t size = 6, lowest = 1;
  static constexpr bool gradient = true;
  static constexpr double sign = -1;  // of k_a k_b

  // Takes out what k space holds of the target's own Gaussian.
  static void add_own_gaussian(double alpha, double q, const std::array<double, 3> & /*mu*/, double /*background*/,
                               double *v)
  {
    for (std::size_t e = 0; e < 3; ++e) v[e] += 4 * alpha * alpha * alpha / (3 * sqrt_pi) * q;
  }
};

struct Field {
  static constexpr std::size_t size = 4, lowest = 0;
  static constexpr bool gradient = false;
  static constexpr double sign = 1;

  static void add_own_gaussian(double alpha, double q, const std::array<double, 3> &mu, double background, double *v)
  {
    v[0] += background - 2 * alpha / sqrt_pi * q;
    for (std::size_t a = 0; a < 3; ++a) v[1 + a] += 4 * alpha * alpha * alpha / (3 * sqrt_pi) * mu[a];
  }
};

}  // namespace

CoincidentAtoms::CoincidentAtoms(std::size_t i, std::size_t j)
    : DomainError("expected atoms at different points, found atoms " + std::to_string(std::min(i, j)) + " and " +
                  std::to_string(std::max(i, j)) + " less than 0.001 Å apart"),
      first(std::min(i, j)), second(std::max(i, j))
{
}

EwaldSplit split_at(double alpha, double tolerance)
{
  const double s = reach(tolerance);
  return {alpha, s / alpha, 2 * alpha * s};
}

EwaldSplit balanced_split(const Cell &cell, std::size_t n_atoms, std::size_t n_targets, double tolerance,
                          std::size_t n_sets)
{
  // Measured on one core: a pair costs about as much as sixty atoms of one wave vector. With n_c ρ (4π/3)(s/α)³ pairs
  // and Ω(2αs)³/12π² wave vectors (half of k space) the sum of both costs is least where they are equal.
  constexpr double pair_cost = 60.0;
  const double omega = volume(cell);
  if (!(omega > 0)) throw DomainError("expected a cell with a volume, found one whose edges lie in a plane");
  const double atoms = static_cast<double>(n_atoms), targets = static_cast<double>(std::max<std::size_t>(n_targets, 1));
  const double pairs = pair_cost * targets * atoms / omega * (4 * pi / 3);
  const double waves = static_cast<double>(n_sets) * (atoms + targets) * omega * 8 / (12 * pi * pi);
  return split_at(std::pow(pairs / waves, 1.0 / 6), tolerance);
}

template <class Quantity>
void LatticeSum::evaluate(const Cell &cell, std::size_t n_atoms, const double *positions, const Multipoles &sources,
                          std::size_t n_targets, const std::size_t *targets, const EwaldSplit &split, double *out)
{
  if (!(volume(cell) > 0)) throw DomainError("expected a cell with a volume, found one whose edges lie in a plane");
  n_atoms_ = n_atoms;
  stride_ = padded(n_atoms);
  n_sets_ = sources.sets;
  n_targets_ = n_targets;
  if (n_targets == 0) return;
  std::fill(out, out + n_targets * n_sets_ * Quantity::size, 0.0);
  place(cell, positions, targets, sources);
  images_.build(cell, reciprocal(cell), fraction_, split.real_cutoff);
  add_real_space<Quantity>(split, out);
  add_k_space<Quantity>(cell, split, out);
  for (std::size_t s = 0; s < n_sets_; ++s) {
    const double *q = &charge_[s * stride_];
    double total = 0;
    for (std::size_t p = 0; p < n_atoms_; ++p) total += q[p];
    const double background = -pi / (volume(cell) * split.alpha * split.alpha) * total;
    for (std::size_t i = 0; i < n_targets_; ++i) {
      std::array<double, 3> dipole{};
      for (std::size_t d = 0; sources.dipoles && d < 3; ++d) dipole[d] = dipole_[(3 * s + d) * stride_ + i];
      Quantity::add_own_gaussian(split.alpha, q[i], dipole, background, out + Quantity::size * (i * n_sets_ + s));
    }
  }
}

void LatticeSum::gradients(const Cell &cell, std::size_t n_atoms, const double *positions, const Multipoles &sources,
                           std::size_t n_targets, const std::size_t *targets, const EwaldSplit &split, double *out)
{
  evaluate<Gradient>(cell, n_atoms, positions, sources, n_targets, targets, split, out);
}

void LatticeSum::fields(const Cell &cell, std::size_t n_atoms, const double *positions, const Multipoles &sources,
                        std::size_t n_targets, const std::size_t *targets, const EwaldSplit &split, double *out)
{
  evaluate<Field>(cell, n_atoms, positions, sources, n_targets, targets, split, out);
}

// Wrap into the cell, targets first: then the loops over targets run over contiguous memory.
void LatticeSum::place(const Cell &cell, const double *positions, const std::size_t *targets, const Multipoles &sources)
{
  const auto has_dipole = [&](std::size_t set, std::size_t atom) {
    const double *mu = sources.dipoles + 3 * (set * n_atoms_ + atom);
    return mu[0] != 0 || mu[1] != 0 || mu[2] != 0;
  };
  std::vector<char> is_target(n_atoms_, 0);
  order_.assign(targets, targets + n_targets_);
  for (std::size_t i : order_) {
    if (is_target[i]) throw DomainError("expected each target once, found atom " + std::to_string(i) + " twice");
    is_target[i] = 1;
  }
  // The others by what they carry, so that what a set does not have lies together.
  std::vector<std::array<std::size_t, 3>> others;  // first set with a dipole, first with a charge, atom
  for (std::size_t i = 0; i < n_atoms_; ++i) {
    if (is_target[i]) continue;
    std::size_t polar = sources.dipoles ? 0 : n_sets_, charged = 0;
    while (polar < n_sets_ && !has_dipole(polar, i)) ++polar;
    while (charged < n_sets_ && sources.charges[charged * n_atoms_ + i] == 0) ++charged;
    others.push_back({polar, charged, i});
  }
  std::sort(others.begin(), others.end());
  for (const auto &other : others) order_.push_back(other[2]);

  const Cell inverse = reciprocal(cell);
  charge_.assign(n_sets_ * stride_, 0.0);
  dipole_.assign(sources.dipoles ? 3 * n_sets_ * stride_ : 0, 0.0);
  charged_.assign(n_sets_, {});
  dipolar_.assign(n_sets_, {});
  polar_.assign(n_sets_, 0);
  for (auto &f : fraction_) f.resize(n_atoms_);
  for (std::size_t p = 0; p < n_atoms_; ++p) {
    const std::size_t atom = order_[p];
    const double *x = positions + 3 * atom;
    for (std::size_t d = 0; d < 3; ++d) {
      const double f = dot(inverse[d], {x[0], x[1], x[2]});
      if (!std::isfinite(f))
        throw DomainError("expected finite coordinates, found a position of atom " + std::to_string(atom) +
                          " that is not");
      fraction_[d][p] = f - std::floor(f);
    }
    for (std::size_t s = 0; s < n_sets_; ++s) {
      charge_[s * stride_ + p] = sources.charges[s * n_atoms_ + atom];
      if (charge_[s * stride_ + p] != 0) extend(charged_[s], p);
      if (!sources.dipoles) continue;
      for (std::size_t d = 0; d < 3; ++d)
        dipole_[(3 * s + d) * stride_ + p] = sources.dipoles[3 * (s * n_atoms_ + atom) + d];
      if (has_dipole(s, atom)) {
        extend(charged_[s], p);  // both enter the complex charges
        extend(dipolar_[s], p);
        polar_[s] = 1;
      }
    }
  }
}

// Sums of B_n(r), the derivatives of the screened 1/r: B_0 = erfc(αr)/r, B_{n+1} = -B_n'/r, written as
// (2n-1)!!/r^{2n+1} - (2α/√π)(2α²)^n F_n(α²r²), a singular and an entire part.
template <class Quantity> void LatticeSum::add_real_space(const EwaldSplit &split, double *out)
{
  static const RealKernel kernel = real_kernel();
  RealCall call{};
  double power = 2 * split.alpha / sqrt_pi, odd = 1;
  for (std::size_t n = 0; n < Quantity::lowest + std::size(call.entire); ++n) {
    if (n >= Quantity::lowest) {
      call.entire[n - Quantity::lowest] = power;
      call.singular[n - Quantity::lowest] = odd;
    }
    power *= 2 * split.alpha * split.alpha;
    odd *= 2 * static_cast<double>(n) + 1;
  }
  call.place = images_.atom();
  call.cutoff2 = split.real_cutoff * split.real_cutoff;
  call.smallest2 = coincident * coincident;
  call.alpha2 = split.alpha * split.alpha;
  call.boys = boys().rows();
  call.gradient = Quantity::gradient;
  call.sets = n_sets_;
  call.stride = stride_;
  call.charge = charge_.data();
  call.dipole = dipole_.empty() ? nullptr : dipole_.data();
  call.polar = polar_.data();
  const std::size_t room = images_.size() + 8;
  near_.resize(7 * room);
  near_place_.resize(room);
  for (std::size_t k = 0; k < 4; ++k) call.near[k] = &near_[k * room];
  for (std::size_t k = 0; k < 3; ++k) call.b[k] = &near_[(4 + k) * room];
  call.near_place = near_place_.data();
  for (std::size_t a = 0; a < 3; ++a) call.image[a] = images_.coordinate(a);
  for (std::size_t i = 0; i < n_targets_; ++i) {
    for (std::size_t a = 0; a < 3; ++a) call.target[a] = images_.home(i)[a];
    const std::vector<Span> &stretches = images_.around(i);
    call.stretch = stretches.data();
    call.stretch_end = stretches.data() + stretches.size();
    call.own = static_cast<int>(i);
    call.out = out + Quantity::size * i * n_sets_;
    const int other = kernel(call);
    if (other >= 0) throw CoincidentAtoms(order_[i], order_[static_cast<std::size_t>(other)]);
  }
}

// (4π/Ω) Σ exp(-k²/4α²)/k² Re[exp(-ik·x_i) Σ_j (q_j + iμ_j·k) exp(ik·x_j)] and its derivatives, over half of the wave
// vectors, doubled. k = 2π (h a* + k b* + l c*): exponentials are products of powers along the three axes, and what is
// a polynomial in k is built from moments of the innermost sum.
template <class Quantity> void LatticeSum::add_k_space(const Cell &cell, const EwaldSplit &split, double *out)
{
  Cell star = reciprocal(cell);
  for (auto &row : star)
    for (double &component : row) component *= 2 * pi;
  const double cutoff2 = split.k_cutoff * split.k_cutoff;
  const double quarter = 1 / (4 * split.alpha * split.alpha), prefactor = Quantity::sign * 2 * 4 * pi / volume(cell);
  std::array<int, 3> top{};
  for (std::size_t d = 0; d < 3; ++d) {
    top[d] = static_cast<int>(split.k_cutoff * std::sqrt(dot(cell[d], cell[d])) / (2 * pi));
    tabulate_powers(d, static_cast<std::size_t>(top[d]));
  }
  static const WaveKernel kernel = wave_kernel();
  const std::size_t n_targets = padded(n_targets_), row = static_cast<std::size_t>(top[2]);
  plane_cos_.assign(stride_, 0.0);
  plane_sin_.assign(stride_, 0.0);
  up_.resize(row + 1);
  down_.resize(row + 1);
  wave_work_.assign(4 * stride_ + 4 * (row + 1), 0.0);
  k_space_.assign(n_sets_ * Quantity::size * n_targets, 0.0);
  WaveCall call{};
  call.places = stride_;
  call.targets = n_targets;
  std::copy(star[2].begin(), star[2].end(), call.step);
  call.cosine = cosine_[2].data();
  call.sine = sine_[2].data();
  call.plane_cos = plane_cos_.data();
  call.plane_sin = plane_sin_.data();
  call.up = up_.data();
  call.down = down_.data();
  call.work = wave_work_.data();
  call.gradient = Quantity::gradient;

  for (int h = 0; h <= top[0]; ++h)
    for (int k = h == 0 ? 0 : -top[1]; k <= top[1]; ++k) {
      std::array<double, 3> plane{};
      for (std::size_t a = 0; a < 3; ++a) plane[a] = h * star[0][a] + k * star[1][a];
      const auto weight = [&](int l) {
        double k2 = 0;
        for (std::size_t a = 0; a < 3; ++a) {
          const double component = plane[a] + l * star[2][a];
          k2 += component * component;
        }
        return k2 < cutoff2 ? prefactor * std::exp(-k2 * quarter) / k2 : 0.0;
      };
      const bool line = h == 0 && k == 0;  // only its half
      int last = -1;
      for (int l = 0; l <= top[2]; ++l) {
        const auto n = static_cast<std::size_t>(l);
        up_[n] = line && l == 0 ? 0 : weight(l);
        down_[n] = line || l == 0 ? 0 : weight(-l);
        if (up_[n] != 0 || down_[n] != 0) last = l;
      }
      if (last < 0) continue;
      multiply(power(0, h), power(1, std::abs(k)), k < 0 ? -1.0 : 1.0, plane_cos_.data(), plane_sin_.data());
      call.top = last;
      std::copy(plane.begin(), plane.end(), call.plane);
      for (std::size_t set = 0; set < n_sets_; ++set) {
        const std::vector<Span> &charged = charged_[set], &polar = dipolar_[set];
        call.charged = charged.data();
        call.charged_end = charged.data() + charged.size();
        call.polar = polar.data();
        call.polar_end = polar.data() + polar.size();
        call.charge = &charge_[set * stride_];
        call.dipole = dipole_.empty() ? nullptr : &dipole_[3 * set * stride_];
        call.out = &k_space_[Quantity::size * n_targets * set];
        kernel(call);
      }
    }
  for (std::size_t set = 0; set < n_sets_; ++set)
    for (std::size_t e = 0; e < Quantity::size; ++e)
      for (std::size_t i = 0; i < n_targets_; ++i)
        out[Quantity::size * (i * n_sets_ + set) + e] += k_space_[(Quantity::size * set + e) * n_targets + i];
}

void LatticeSum::tabulate_powers(std::size_t axis, std::size_t top)
{
  auto &c = cosine_[axis], &s = sine_[axis];
  const std::size_t n_places = stride_;
  c.assign((top + 1) * n_places, 0.0);
  s.assign((top + 1) * n_places, 0.0);
  for (std::size_t p = 0; p < n_atoms_; ++p) {
    const double c1 = std::cos(2 * pi * fraction_[axis][p]), s1 = std::sin(2 * pi * fraction_[axis][p]);
    c[p] = 1;
    s[p] = 0;
    for (std::size_t m = 1; m <= top; ++m) {
      const std::size_t now = m * n_places + p, before = now - n_places;
      c[now] = c[before] * c1 - s[before] * s1;
      s[now] = s[before] * c1 + c[before] * s1;
    }
  }
}

LatticeSum::Wave LatticeSum::power(std::size_t axis, int m) const
{
  const std::size_t start = static_cast<std::size_t>(m) * stride_;
  return {&cosine_[axis][start], &sine_[axis][start]};
}

// Product of two complex waves, the second conjugated if `sign` is -1.
void LatticeSum::multiply(const Wave &a, const Wave &b, double sign, double *__restrict cosine,
                          double *__restrict sine) const
{
  for (std::size_t p = 0; p < n_atoms_; ++p) {
    const double sb = sign * b.sine[p];
    cosine[p] = a.cosine[p] * b.cosine[p] - a.sine[p] * sb;
    sine[p] = a.sine[p] * b.cosine[p] + a.cosine[p] * sb;
  }
}

}  // namespace ufp
