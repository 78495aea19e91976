// λ-SOAP: densities of neighbours around a centre and their products that transform like a tensor of rank λ.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "ufp/clebsch_gordan.hpp"
#include "ufp/environment.hpp"
#include "ufp/radial_table.hpp"

namespace ufp
{

struct LambdaSoapSpec {
  std::string basis = "gto";  // or laplacian
  double cutoff = 6.0;        // r_c, Å
  double width = 0.5;         // w of the shifted cosine, Å; 0 is a hard cutoff, for models made elsewhere
  double sigma = 0.4;         // of a neighbour's Gaussian, Å
  int n_max = 6;              // radial functions, n = 0 .. n_max - 1
  int l_max = 4;              // angular momenta, l = 0 .. l_max
  int species = 1;            // of neighbours
  double centre_weight = 1.0;
  std::optional<RadialScaling> scaling;
  int intervals = 48;  // of the radial table, per sigma: interpolation errors below 1e-9 of the largest value
};

// c_{q, lm} = Σ_j f_c(r) u(r) I_nl(r) Y_lm(r̂) over the neighbours of species a, q = a * n_max + n, plus the centre's
// own Gaussian times centre_weight in l = 0 of its own species.
class LambdaSoap
{
 public:
  // Throws DomainError for a value out of range.
  explicit LambdaSoap(const LambdaSoapSpec &spec);

  const LambdaSoapSpec &spec() const { return spec_; }
  const RadialTable &table() const { return *table_; }
  const std::vector<double> &norms() const { return norms_; }
  int channels() const { return spec_.species * spec_.n_max; }
  int components() const { return (spec_.l_max + 1) * (spec_.l_max + 1); }

  // out (channels, components). scratch holds scratch_size() values.
  void densities(const Environment &environment, double *out, double *scratch) const noexcept;
  std::size_t scratch_size() const;

 private:
  LambdaSoapSpec spec_;
  std::optional<RadialTable> table_;
  std::vector<double> norms_;
};

// l1 l2 q1 q2 of one feature
using Feature = std::array<int, 4>;

// P^{λμ} = weight Σ_{m1 m2} C^{λμ}_{l1 m1, l2 m2} c_{q1 l1 m1} c_{q2 l2 m2} of chosen features.
class FeatureContraction
{
 public:
  // weighted: √2 except where l1 = l2 and q1 = q2, so that a list that names each pair of (l, q) once has the kernel of
  // one that names both orders. Throws DomainError for a feature that the densities do not have.
  FeatureContraction(const LambdaSoapSpec &spec, int lambda, const std::vector<Feature> &features, bool weighted);

  int rank() const { return lambda_; }
  std::size_t size() const { return terms_.size(); }
  // densities (channels, components) to out (2λ + 1, features)
  void evaluate(const double *densities, double *out) const noexcept;

 private:
  struct Term {
    std::size_t block;          // l1 and l2
    std::size_t first, second;  // where the two rows of m begin
    double weight;
  };
  int lambda_;
  std::vector<std::vector<Coupling>> couplings_;  // by (l1, l2)
  std::vector<Term> terms_;
};

}  // namespace ufp
