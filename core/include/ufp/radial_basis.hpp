// Radial expansion of a Gaussian neighbour: I_nl(r) = sum over space of R_n(x) Y_lm times the density of a neighbour at
// distance r, (πσ²)^{-3/4} exp(-|x - r|²/2σ²), without the cutoff function.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace ufp
{

class RadialBasis
{
 public:
  virtual ~RadialBasis() = default;
  // I_nl(r) and its derivative (1/Å), l * n_max + n.
  virtual void evaluate(double r, double *value, double *slope) const = 0;
};

// Gaussian-type orbitals R_n(r) = N_n r^n exp(-r²/2σ_n²), σ_n = r_c max(√n, 1)/n_max, made orthonormal symmetrically
// (Löwdin) and integrated over all space.
class GtoBasis : public RadialBasis
{
 public:
  GtoBasis(double cutoff, double sigma, int n_max, int l_max);
  void evaluate(double r, double *value, double *slope) const override;

 private:
  double sigma_;
  int n_max_, l_max_;
  std::vector<double> width_;      // σ_n
  std::vector<double> prefactor_;  // (l, n)
  std::vector<double> lowdin_;     // (n, n)
};

// Eigenstates of the Laplacian in the sphere of radius r_c, R_nl(r) = N_nl j_l(z_nl r/r_c), orthonormal there and
// integrated inside of it. The same n_max for every l.
class LaplacianBasis : public RadialBasis
{
 public:
  LaplacianBasis(double cutoff, double sigma, int n_max, int l_max);
  void evaluate(double r, double *value, double *slope) const override;

 private:
  double sigma_;
  int n_max_, l_max_;
  std::vector<double> node_;   // of the quadrature, Å
  std::vector<double> state_;  // (node, l, n): weight x² R_nl(x) and the prefactor of the density
};

// name: gto or laplacian. Throws DomainError for another one.
std::unique_ptr<RadialBasis> make_radial_basis(const std::string &name, double cutoff, double sigma, int n_max,
                                               int l_max);

}  // namespace ufp
