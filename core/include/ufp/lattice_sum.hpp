// Potentials, fields and field gradients of charges and dipoles in a periodic cell, by Ewald summation.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ufp/error.hpp"
#include "ufp/lattice_images.hpp"
#include "ufp/span.hpp"

namespace ufp
{

constexpr double ewald_tolerance = 1e-8;  // truncation error relative to the rms field gradient, unless one is chosen

// Two atoms on one point, by their indices.
class CoincidentAtoms : public DomainError
{
 public:
  CoincidentAtoms(std::size_t i, std::size_t j);
  std::size_t first, second;
};

// Where an Ewald sum is divided: screening exp(-alpha² r²), real space up to r < real_cutoff, k space up to
// |k| < k_cutoff.
struct EwaldSplit {
  double alpha;        // 1/Å
  double real_cutoff;  // Å
  double k_cutoff;     // 1/Å
};

// The split of least work whose truncation error is below `tolerance` times the rms gradient. It depends on its
// arguments only, never on a clock, so that a result can be repeated to the last digit. Every set has wave vectors of
// its own; pairs that carry charge in one set only count once.
EwaldSplit balanced_split(const Cell &cell, std::size_t n_atoms, std::size_t n_targets, double tolerance,
                          std::size_t n_sets = 1);

// The same for a given alpha.
EwaldSplit split_at(double alpha, double tolerance);

// Several sets of multipoles on the same atoms: the sums are linear in them, so that unit charges on one species each
// give the columns of a linear fit.
struct Multipoles {
  std::size_t sets;
  const double *charges;            // (sets, atoms) e
  const double *dipoles = nullptr;  // (sets, atoms, 3) e Å; null for none
};

// Sums over all atoms and images at chosen atoms, the targets. The atom itself is excluded, its periodic images are
// not. The k = 0 term is dropped: a set that is not neutral sits in a uniform neutralising background, and the
// surroundings of the crystal conduct.
//
// One object per thread: it owns the work space.
class LatticeSum
{
 public:
  // positions (atoms, 3) Å, anywhere; targets: indices of atoms. Throws DomainError: cell without volume, position that
  // is not finite; CoincidentAtoms.
  //
  // V_ab = ∂²φ/∂x_a∂x_b in e/Å³, out (targets, sets, 6): xx yy zz xy xz yz. Their trace is 4π Σq / volume.
  void gradients(const Cell &cell, std::size_t n_atoms, const double *positions, const Multipoles &sources,
                 std::size_t n_targets, const std::size_t *targets, const EwaldSplit &split, double *out);
  // Potential φ in e/Å and field -∇φ in e/Å², out (targets, sets, 4): φ Ex Ey Ez. The mean potential of the cell is 0.
  void fields(const Cell &cell, std::size_t n_atoms, const double *positions, const Multipoles &sources,
              std::size_t n_targets, const std::size_t *targets, const EwaldSplit &split, double *out);

 private:
  struct Wave {
    const double *cosine, *sine;  // by place
  };
  template <class Quantity>
  void evaluate(const Cell &cell, std::size_t n_atoms, const double *positions, const Multipoles &sources,
                std::size_t n_targets, const std::size_t *targets, const EwaldSplit &split, double *out);
  void place(const Cell &cell, const double *positions, const std::size_t *targets, const Multipoles &sources);
  template <class Quantity> void add_real_space(const EwaldSplit &split, double *out);
  template <class Quantity> void add_k_space(const Cell &cell, const EwaldSplit &split, double *out);
  void tabulate_powers(std::size_t axis, std::size_t top);
  Wave power(std::size_t axis, int m) const;
  void multiply(const Wave &a, const Wave &b, double sign, double *cosine, double *sine) const;

  std::size_t n_atoms_ = 0, stride_ = 0, n_sets_ = 0, n_targets_ = 0;  // stride: places, padded
  std::vector<std::size_t> order_;                                     // atom at each place, targets first
  std::vector<double> charge_, dipole_;                                // (sets, places), (sets, 3, places)
  std::vector<char> polar_;                                            // by set: whether it has dipoles
  std::vector<std::vector<Span>> charged_, dipolar_;  // by set: places with charges or dipoles, and with dipoles
  std::array<std::vector<double>, 3> fraction_;       // by place
  LatticeImages images_;                              // of the places
  std::vector<double> near_;                          // work space of the kernel
  std::vector<int> near_place_;
  std::array<std::vector<double>, 3> cosine_, sine_;  // powers of exp(2πi f) by axis, (power, place)
  // Padded to a multiple of eight, as places are.
  std::vector<double> plane_cos_, plane_sin_, up_, down_, wave_work_;
  std::vector<double> k_space_;  // (sets, quantities, targets)
};

}  // namespace ufp
