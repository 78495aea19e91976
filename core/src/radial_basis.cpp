#include "ufp/radial_basis.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "spherical_bessel.hpp"
#include "ufp/error.hpp"

namespace ufp
{
namespace
{

using Index = std::size_t;
constexpr double pi = 3.14159265358979323846;

Index index(int i)
{
  return static_cast<Index>(i);
}

double density_prefactor(double sigma)
{
  return std::pow(pi * sigma * sigma, -0.75);
}

// S^{-1/2} of a symmetric positive matrix (n, n), by Jacobi rotations.
std::vector<double> inverse_root(std::vector<double> a, Index n)
{
  std::vector<double> v(n * n, 0.0), out(n * n, 0.0);
  for (Index i = 0; i < n; ++i) v[i * n + i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep)
    for (Index p = 0; p < n; ++p)
      for (Index q = p + 1; q < n; ++q) {
        if (std::fabs(a[p * n + q]) < 1e-300) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const double t = (theta >= 0 ? 1 : -1) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        const auto rotate = [&](double &x, double &y) {
          const double old = x;
          x = c * old - s * y;
          y = s * old + c * y;
        };
        for (Index k = 0; k < n; ++k) rotate(a[k * n + p], a[k * n + q]);
        for (Index k = 0; k < n; ++k) rotate(a[p * n + k], a[q * n + k]);
        for (Index k = 0; k < n; ++k) rotate(v[k * n + p], v[k * n + q]);
      }
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      for (Index k = 0; k < n; ++k) out[i * n + j] += v[i * n + k] * v[j * n + k] / std::sqrt(a[k * n + k]);
  return out;
}

// Nodes and weights of Gauss and Legendre on (0, length).
void gauss_legendre(int count, double length, std::vector<double> &node, std::vector<double> &weight)
{
  for (int i = 0; i < count; ++i) {
    double x = std::cos(pi * (i + 0.75) / (count + 0.5)), slope = 1;
    for (int step = 0; step < 20; ++step) {
      double before = 0, p = 1;
      for (int k = 0; k < count; ++k) {
        const double next = ((2 * k + 1) * x * p - k * before) / (k + 1);
        before = p;
        p = next;
      }
      slope = count * (x * p - before) / (x * x - 1);
      x -= p / slope;
    }
    node.push_back(0.5 * length * (1 - x));
    weight.push_back(length / ((1 - x * x) * slope * slope));
  }
}

}  // namespace

GtoBasis::GtoBasis(double cutoff, double sigma, int n_max, int l_max) : sigma_(sigma), n_max_(n_max), l_max_(l_max)
{
  std::vector<double> norm, overlap;
  for (int n = 0; n < n_max; ++n) {
    width_.push_back(cutoff * std::max(std::sqrt(n), 1.0) / n_max);
    norm.push_back(std::sqrt(2 / (std::tgamma(n + 1.5) * std::pow(width_.back(), 2 * n + 3))));
  }
  const auto exponent = [&](int n) { return 0.5 / (width_[index(n)] * width_[index(n)]); };
  for (int n = 0; n < n_max; ++n)
    for (int k = 0; k < n_max; ++k) {
      const double power = 0.5 * (3 + n + k);
      overlap.push_back(0.5 * norm[index(n)] * norm[index(k)] * std::tgamma(power) *
                        std::pow(exponent(n) + exponent(k), -power));
    }
  lowdin_ = inverse_root(overlap, index(n_max));
  for (int l = 0; l <= l_max; ++l)
    for (int n = 0; n < n_max; ++n) {
      const double a = 0.5 * (n + l + 3), b = l + 1.5, s = 1 / (sigma * sigma) + 2 * exponent(n);
      prefactor_.push_back(density_prefactor(sigma) * norm[index(n)] * std::pow(pi, 1.5) *
                           std::pow(2.0, 0.5 * (n - l + 3)) * std::pow(s, -a) * std::tgamma(a) / std::tgamma(b));
    }
}

// (r/σ²)^l exp(-r²/2σ²) 1F1(a; b; z) with z = r² σ_n²/[2σ²(σ² + σ_n²)]: all terms of the series are positive. Extended
// precision because the exponential alone leaves the range of a double.
void GtoBasis::evaluate(double r, double *value, double *slope) const
{
  const double variance = sigma_ * sigma_;
  std::vector<double> raw(index(n_max_)), raw_slope(index(n_max_));
  const long double gaussian = std::exp(static_cast<long double>(-r * r / (2 * variance)));
  for (int l = 0; l <= l_max_; ++l) {
    for (int n = 0; n < n_max_; ++n) {
      const double a = 0.5 * (n + l + 3), b = l + 1.5, square = width_[index(n)] * width_[index(n)];
      const double z = r * r * square / (2 * variance * (variance + square));
      long double term = gaussian, sum = term, weighted = 0;  // weighted: sum of k t_k
      for (int k = 0; k < z || term > 1e-20L * sum; ++k) {
        term *= static_cast<long double>((a + k) * z) / static_cast<long double>((b + k) * (k + 1));
        sum += term;
        weighted += (k + 1) * term;
      }
      const double factor = prefactor_[index(l * n_max_ + n)] * std::pow(variance, -l);
      const auto series = static_cast<double>(sum);
      const double change =
          r > 0 ? static_cast<double>(2 * weighted / static_cast<long double>(r) - sum * (r / variance)) : 0.0;
      raw[index(n)] = factor * std::pow(r, l) * series;
      raw_slope[index(n)] = factor * ((l > 0 ? l * std::pow(r, l - 1) * series : 0.0) + std::pow(r, l) * change);
    }
    for (int n = 0; n < n_max_; ++n) {
      double v = 0, d = 0;
      for (int k = 0; k < n_max_; ++k) {
        v += raw[index(k)] * lowdin_[index(k * n_max_ + n)];
        d += raw_slope[index(k)] * lowdin_[index(k * n_max_ + n)];
      }
      value[l * n_max_ + n] = v;
      slope[l * n_max_ + n] = d;
    }
  }
}

LaplacianBasis::LaplacianBasis(double cutoff, double sigma, int n_max, int l_max)
    : sigma_(sigma), n_max_(n_max), l_max_(l_max)
{
  const std::vector<std::vector<double>> zeros = spherical_bessel_zeros(l_max, n_max);
  std::vector<double> weight;
  gauss_legendre(40 + 4 * n_max + static_cast<int>(8 * cutoff / sigma), cutoff, node_, weight);
  state_.reserve(node_.size() * index((l_max + 1) * n_max));
  for (Index q = 0; q < node_.size(); ++q) {
    const double x = node_[q], measure = 4 * pi * density_prefactor(sigma) * weight[q] * x * x;
    for (int l = 0; l <= l_max; ++l)
      for (int n = 0; n < n_max; ++n) {
        const double zero = zeros[index(l)][index(n)];
        const double edge = spherical_bessel(l + 1, zero)[index(l + 1)];
        const double norm = std::sqrt(2 / (cutoff * cutoff * cutoff)) / std::fabs(edge);
        state_.push_back(measure * norm * spherical_bessel(l, zero * x / cutoff)[index(l)]);
      }
  }
}

void LaplacianBasis::evaluate(double r, double *value, double *slope) const
{
  const double variance = sigma_ * sigma_;
  const Index width = index((l_max_ + 1) * n_max_);
  std::fill_n(value, width, 0.0);
  std::fill_n(slope, width, 0.0);
  for (Index q = 0; q < node_.size(); ++q) {
    const double x = node_[q], distance = (x - r) / sigma_;
    if (std::fabs(distance) > 9) continue;
    const double gaussian = std::exp(-0.5 * distance * distance);
    const std::vector<double> i = scaled_modified_bessel(l_max_ + 1, x * r / variance);
    for (int l = 0; l <= l_max_; ++l) {
      const double below = l > 0 ? l * i[index(l - 1)] : 0.0;
      const double bessel_slope = (below + (l + 1) * i[index(l + 1)]) / (2 * l + 1);
      const double density = gaussian * i[index(l)];
      const double change = gaussian * (x * bessel_slope - r * i[index(l)]) / variance;
      for (Index e = index(l * n_max_); e < index((l + 1) * n_max_); ++e) {
        value[e] += density * state_[q * width + e];
        slope[e] += change * state_[q * width + e];
      }
    }
  }
}

std::unique_ptr<RadialBasis> make_radial_basis(const std::string &name, double cutoff, double sigma, int n_max,
                                               int l_max)
{
  if (name == "gto") return std::make_unique<GtoBasis>(cutoff, sigma, n_max, l_max);
  if (name == "laplacian") return std::make_unique<LaplacianBasis>(cutoff, sigma, n_max, l_max);
  throw DomainError("expected the radial basis gto or laplacian, found " + name);
}

}  // namespace ufp
