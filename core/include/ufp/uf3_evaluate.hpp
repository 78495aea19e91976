// Energy, forces and virial of one centre with its neighbourhood in a UF3 potential.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "ufp/bspline.hpp"
#include "ufp/neighborhood.hpp"
#include "ufp/uf3_potential.hpp"

namespace ufp
{

struct Uf3ModelOptions {
  int degree = 3;                      // 2: pair terms only
  bool onebody = false;                // add the one-body offset of each centre
  bool missing_triplets_zero = false;  // otherwise a missing 3B block is an error
};

// A potential folded for speed for a fixed list of elements (species 0, 1, ...). Immutable, shared by all threads.
class Uf3Model
{
 public:
  // Elements must be distinct. Throws DomainError for a missing block or one-body offset.
  Uf3Model(const Uf3Potential &potential, const std::vector<std::string> &elements,
           const Uf3ModelOptions &options = {});

  const std::vector<std::string> &elements() const noexcept { return elements_; }
  const Uf3ModelOptions &options() const noexcept { return options_; }
  double cutoff() const noexcept { return cutoff_; }    // largest distance from a centre that matters, A
  double cutoff(int a, int b) const noexcept;           // the same for the neighbours b of a (symmetric), A
  double pair_cutoff(int a, int b) const noexcept;      // of the 2-body term, A
  double leg_cutoff(int centre, int b) const noexcept;  // largest 3-body leg, A; 0 without 3-body terms
  double first_knot(int a, int b) const noexcept;       // of the 2-body term, A: below it the energy is continued
  double onebody(int a) const noexcept { return onebody_[static_cast<unsigned>(a)]; }  // eV, 0 unless asked for
  std::size_t bytes() const noexcept;                                                  // memory of the tables
  // Facts a user should know: attractive wall, 3-body terms that do not vanish at their first knot, legs longer than
  // the 2-body cutoff (which pair_style uf3 would cut), missing 3-body blocks taken as zero.
  const std::vector<std::string> &notes() const noexcept { return notes_; }

  // V2(r) and its derivative (one ordered pair, so half of the energy of a bond); continued below the first knot.
  double pair(int a, int b, double r, double &derivative) const noexcept;
  // V3(r_ij, r_ik, r_jk) of the centre with neighbours j, k, and its three derivatives.
  double triplet(int centre, int j, int k, const std::array<double, 3> &r,
                 std::array<double, 3> &derivative) const noexcept;

  struct Pair {
    SplineAxis axis;
    std::vector<double> polynomials;  // (intervals, 4) of r - breaks[s], lowest power first
    double value_lo = 0, slope = 0;   // continuation V2(lo) + slope (r - lo)
  };
  struct Triplet {
    int slot_j = -1, slot_k = -1;  // which cached basis of the neighbour belongs to the leg
    int axis = -1;                 // of r_jk
    std::vector<double> c;         // [l][m][n] with n padded
    int stride_l = 0, stride_m = 0;
    std::array<bool, 3> vanishes_at_lo{};  // no energy below the first knot of this axis
  };
  const Pair &pair_table(int a, int b) const noexcept { return pairs_[index(a, b)]; }
  // Species j <= k; null if the block is missing and taken as zero.
  const Triplet *triplet_table(int centre, int j, int k) const noexcept;
  // The distinct leg axes of neighbours b of a centre, in the order of the slots.
  const std::vector<int> &leg_axes(int centre, int b) const noexcept { return slots_[index(centre, b)]; }
  const SplineAxis &axis(int i) const noexcept { return axes_[static_cast<std::size_t>(i)]; }
  int max_slots() const noexcept { return max_slots_; }

 private:
  std::size_t index(int a, int b) const noexcept
  {
    return static_cast<std::size_t>(a) * elements_.size() + static_cast<std::size_t>(b);
  }
  void fold_pairs(const Uf3Potential &potential);
  void fold_triplets(const Uf3Potential &potential);
  void fold_triplet(const Uf3TripletBlock &block, int centre, int a, int b, const std::string &name);
  int add_axis(const SplineAxis &axis);
  int add_slot(int centre, int b, const SplineAxis &axis);

  std::vector<std::string> elements_;
  Uf3ModelOptions options_;
  double cutoff_ = 0;
  int max_slots_ = 0;
  std::vector<double> onebody_, leg_cutoff_;
  std::vector<Pair> pairs_;              // (a, b)
  std::vector<SplineAxis> axes_;         // distinct axes of all 3-body blocks
  std::vector<std::vector<int>> slots_;  // (centre, b) -> axes
  std::vector<Triplet> triplets_;
  std::vector<int> triplet_index_;  // (centre, j, k) with j <= k -> triplets_ or -1
  std::vector<std::string> notes_;
};

// What happened outside the domain of the potential, summed over calls of evaluate() until reset().
struct DomainEvents {
  long short_pairs = 0;       // ordered pairs (every bond twice) below the first 2-body knot
  long clamped_triplets = 0;  // triplets with a clamped distance and an energy that does not vanish there
  long coincident = 0;        // ordered pairs at r = 0: their force is undefined and left out
  double closest = std::numeric_limits<double>::infinity();  // smallest distance met, A
};

// Working memory of one thread, its results for one centre, and its events.
struct Uf3Scratch {
  // Make room for neighbourhoods of up to `count` neighbours; evaluate() itself allocates nothing.
  void reserve(const Uf3Model &model, int count);

  // Results of the last call. Entry `count` of the shares belongs to the centre.
  std::vector<double> fx, fy, fz;  // (count) force on each neighbour; the centre feels minus their sum, eV/A
  std::array<double, 6> virial{};  // sum of d (x) f over the neighbours, xx yy zz xy xz yz, eV
  std::vector<double> energy;      // (count + 1) half of each pair, a third of each triplet, eV
  std::vector<double> share;       // (count + 1, 6) virial divided in the same way, eV
  std::vector<double> centroid;    // (count + 1, 9) xx yy zz xy xz yz yx zx zy, (r - centroid of the group) (x) f, eV
  int closest_short = -1;          // neighbour of the shortest contact below the first knot, -1: none
  int coincident = -1;             // a neighbour at r = 0, -1: none
  int clamped_j = -1, clamped_k = -1;  // neighbours of a clamped triplet, -1: none

  DomainEvents events;
  void reset() { events = DomainEvents{}; }

  // The 3-body neighbours ordered by species, with the cached basis of every leg axis: entry slot * capacity + s.
  int capacity = 0;
  std::vector<int> index, first_of_species, next_of_species,
      leg_first;  // leg_first: first coefficient, -1: out of range
  std::vector<char> leg_clamped;
  std::vector<double> distance, x, y, z, r, gx, gy, gz, radial, basis, derivative;
};

enum class Detail {
  forces,   // energy, forces, global virial
  per_atom  // also the shares of each atom
};

// Energy of the centre (eV): sum_j V2 over ordered pairs, sum_{j<k} V3 with this centre, and its one-body offset.
// The total energy is the sum over all centres. Call reserve() first.
double evaluate(const Uf3Model &model, const Neighborhood &neighborhood, Uf3Scratch &scratch,
                Detail detail = Detail::forces) noexcept;

}  // namespace ufp
