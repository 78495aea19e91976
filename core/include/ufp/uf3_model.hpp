// A UF3 potential folded for speed for a list of elements.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "ufp/bspline.hpp"
#include "ufp/spline_rows.hpp"
#include "ufp/uf3_potential.hpp"
#include "ufp/uf3_tables.hpp"

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
  Uf3Model(const Uf3Model &) = delete;  // the tables point into it; moving keeps them valid
  Uf3Model(Uf3Model &&) = default;

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

  const Uf3Tables &tables() const noexcept { return tables_; }

 private:
  std::size_t index(int a, int b) const noexcept
  {
    return static_cast<std::size_t>(a) * elements_.size() + static_cast<std::size_t>(b);
  }
  // A 3-body block with its legs in the order of the species, on the way to its table.
  struct Draft {
    std::size_t leg_j, leg_k;  // (centre, species) of its legs
    int axis_j, axis_k, axis_jk;
    std::array<int, 3> shape;
    std::vector<double> c;  // [l][m][n], with the padding of the axes
  };
  void fold_pairs(const Uf3Potential &potential);
  void fold_triplets(const Uf3Potential &potential);
  Draft draft(const Uf3TripletBlock &block, int centre, int a, int b);
  void note_first_knots(const Draft &draft, const std::string &name);
  int add_axis(const SplineAxis &axis);
  void add_slot(std::size_t leg, int axis);
  int slot_of(std::size_t leg, int axis) const noexcept;
  void lay_out(const std::vector<Draft> &drafts, const std::vector<int> &draft_index);
  void connect();

  std::vector<std::string> elements_;
  Uf3ModelOptions options_;
  double cutoff_ = 0;
  std::vector<double> onebody_, leg_cutoff_;
  std::vector<SplineRows> pairs_;        // (a, b) with a <= b
  std::vector<SplineAxis> axes_;         // distinct axes of all 3-body blocks
  std::vector<SplineRows> legs_;         // their rows
  std::vector<std::vector<int>> slots_;  // (centre, b) -> axes, shortest cutoff first
  std::vector<std::vector<double>> coefficients_;
  std::vector<std::string> notes_;

  // what tables_ points to
  std::vector<SplineTable> pair_tables_, axis_tables_;
  std::vector<TripletTable> triplet_tables_;
  std::vector<const TripletTable *> triplet_of_;
  std::vector<const SplineTable *> slot_axis_;
  std::vector<int> slot_count_;
  Uf3Tables tables_;
};

}  // namespace ufp
