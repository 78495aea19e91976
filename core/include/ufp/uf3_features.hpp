// What multiplies the coefficients of a UF3 potential: energy, forces and virial of a structure are linear in them.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ufp/bspline.hpp"
#include "ufp/cell_list.hpp"

namespace ufp
{

// Columns of a term: entry [n] or [l][m][n] of the coefficient grid (n fastest) belongs to this column of the block,
// -1: held at zero. Entries that share a column share their coefficient.
struct PairFeatures {
  std::array<int, 2> species{};
  std::vector<double> knots;  // A
  double cutoff = 0;          // A
  std::vector<int> column;
};

struct TripletFeatures {
  std::array<int, 3> species{};  // centre, j, k; axes r_ij, r_ik, r_jk
  std::array<std::vector<double>, 3> knots;
  std::array<double, 3> cutoff{};
  std::vector<int> column;
};

// One structure: species are indices, neighbours are found on construction.
class FeatureStructure
{
 public:
  FeatureStructure(const int *species, const double *positions, std::size_t atoms, const std::array<double, 9> &cell,
                   const std::array<bool, 3> &periodic, double pair_cutoff, double leg_cutoff);

  std::size_t atoms() const noexcept { return species_.size(); }
  int species(std::size_t i) const noexcept { return species_[i]; }
  const std::vector<Neighbor> &neighbors(std::size_t i) const noexcept { return neighbors_[i]; }  // of pair terms
  const std::vector<Neighbor> &legs(std::size_t i) const noexcept { return legs_[i]; }            // of triplets

 private:
  std::vector<int> species_;
  std::vector<std::vector<Neighbor>> neighbors_, legs_;
};

// Where the rows of one structure go; null pointers are not wanted. Energy and virial rows have all columns. The force
// rows of an atom have the width of its species, and each block its place among them (-1: no such columns, which must
// then be zero).
struct FeatureRows {
  double *energy = nullptr;                        // (columns) per structure
  double *virial = nullptr;                        // (6, columns) xx yy zz xy xz yz
  std::vector<double *> forces;                    // (atoms) first of the three rows x y z of each atom
  std::vector<std::size_t> width;                  // (species)
  std::vector<std::vector<std::ptrdiff_t>> start;  // (species, blocks)
};

// Working memory of one thread.
struct FeatureScratch {
  std::vector<double> tile;
  std::vector<double> legs;
};

// The blocks: 0 the one-body counts (one column per species), then the pairs, then the triplets.
class Uf3Features
{
 public:
  Uf3Features(int species, const std::vector<PairFeatures> &pairs, const std::vector<TripletFeatures> &triplets);

  std::size_t blocks() const noexcept { return start_.size(); }
  std::size_t columns() const noexcept { return columns_; }
  std::size_t start(std::size_t block) const noexcept { return start_[block]; }  // first column of a block
  int species() const noexcept { return species_; }
  double pair_cutoff() const noexcept { return pair_cutoff_; }
  double leg_cutoff() const noexcept { return leg_cutoff_; }
  // True if the forces on atoms of a species depend on a block.
  bool touches(std::size_t block, int species) const noexcept;

  // Write the rows of one block, which must be zero before. Blocks write to different columns, so they can be filled
  // in parallel. Below its first knot a pair term goes on as a straight line and a distance of a triplet is clamped, as
  // in evaluate().
  void fill(std::size_t block, const FeatureStructure &structure, const FeatureRows &rows,
            FeatureScratch &scratch) const;

 private:
  struct Pair {
    std::array<int, 2> species;
    SplineAxis axis;
    std::vector<int> column;  // with the padding of the axis
  };
  struct Triplet {
    std::array<int, 3> species;
    std::array<SplineAxis, 3> axis;
    std::size_t columns = 0;
    std::size_t width = 0;                             // of a row of the working tile
    std::vector<int> run;                              // (l, m) place of n = 0 in the tile; none: no_run
    std::vector<int> low, high;                        // (l, m) first and last window the run has room for
    std::vector<std::array<std::size_t, 2>> gathered;  // tile place, column
  };
  static Triplet lay_out(const TripletFeatures &term);
  void fill_onebody(const FeatureStructure &structure, const FeatureRows &rows) const;
  void fill_pair(std::size_t block, const FeatureStructure &structure, const FeatureRows &rows) const;
  void fill_triplet(std::size_t block, const FeatureStructure &structure, const FeatureRows &rows,
                    FeatureScratch &scratch) const;

  int species_;
  std::vector<Pair> pairs_;
  std::vector<Triplet> triplets_;
  std::vector<std::size_t> start_;
  std::size_t columns_ = 0;
  double pair_cutoff_ = 0, leg_cutoff_ = 0;
};

}  // namespace ufp
