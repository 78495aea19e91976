// Electric field gradients of point charges in a periodic cell, by Ewald summation.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace ufp
{

using Cell = std::array<std::array<double, 3>, 3>;  // rows a, b, c in Å

// Where an Ewald sum is divided: screening exp(-alpha² r²), real space up to r < real_cutoff, k space up to
// |k| < k_cutoff.
struct EwaldSplit {
  double alpha;        // 1/Å
  double real_cutoff;  // Å
  double k_cutoff;     // 1/Å
};

// The split of least work whose truncation error is below `tolerance` times the rms gradient. It depends on its
// arguments only, never on a clock, so that a result can be repeated to the last digit.
EwaldSplit balanced_split(const Cell &cell, std::size_t n_atoms, std::size_t n_centres, double tolerance);

// The same for a given alpha.
EwaldSplit split_at(double alpha, double tolerance);

// V_ab = ∂²φ/∂x_a∂x_b in e/Å³ at chosen atoms, for several sets of charges at once (the sum is linear in them, so that
// unit charges on one species each give the columns of a linear fit). The atom itself is excluded, its periodic images
// are not. The k = 0 term is dropped: a set that is not neutral sits in a uniform neutralising background and its
// tensors have the trace 4π Σq / volume.
//
// One object per thread: it owns the work space.
class PointChargeSum
{
 public:
  // positions (n_atoms, 3) Å, anywhere; charges (n_sets, n_atoms) e; centres: indices of atoms;
  // efg (n_centres, n_sets, 6): xx yy zz xy xz yz.
  // Throws DomainError: cell without volume, position that is not finite, two atoms on one point.
  void evaluate(const Cell &cell, std::size_t n_atoms, const double *positions, std::size_t n_sets,
                const double *charges, std::size_t n_centres, const std::size_t *centres, const EwaldSplit &split,
                double *efg);

 private:
  struct Wave {
    const double *cosine, *sine;  // by place
  };
  void place(const Cell &cell, const double *positions, const std::size_t *centres, const double *charges);
  void list_images(const Cell &cell, double cutoff);
  void add_real_space(const EwaldSplit &split, double *efg);
  void add_k_space(const Cell &cell, const EwaldSplit &split, double *efg);
  void tabulate_powers(std::size_t axis, std::size_t top);
  Wave power(std::size_t axis, int m) const;
  void multiply(const Wave &a, const Wave &b, double sign, double *cosine, double *sine) const;
  void add_wave(double weight, int l);
  void add_moments(const std::array<double, 3> &plane, const std::array<double, 3> &step, double *efg) const;
  void add_own_gaussian(double alpha, double *efg) const;

  std::size_t n_atoms_ = 0, n_sets_ = 0, n_centres_ = 0;
  std::vector<std::size_t> order_;               // atom at each place; centres come first
  std::array<std::vector<double>, 3> fraction_;  // by place, in [0, 1)
  std::vector<double> charge_;                   // (set, place)

  std::array<std::vector<double>, 3> image_;  // Cartesian positions of all atoms and images that a centre may see
  std::vector<std::size_t> image_place_, home_, near_;

  std::array<std::vector<double>, 3> cosine_, sine_;  // (multiple, place) of 2π fraction
  std::vector<double> plane_cos_, plane_sin_, wave_cos_, wave_sin_;
  std::vector<double> moments_;  // (set, moment, centre)
};

}  // namespace ufp
