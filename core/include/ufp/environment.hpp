// Neighbours of one centre as displacements, grouped by species: what a descriptor is evaluated on.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ufp/periodic_box.hpp"

namespace ufp
{

// Those of species b are first[b] .. first[b + 1] - 1; no neighbour lies on the centre.
struct Environment {
  int species;                         // of the centre
  const double *x, *y, *z, *distance;  // x_j - x_i and |x_j - x_i|, Å
  const int *first;                    // (species + 1)
};

// Atoms of one structure; the rows of non-periodic directions of the cell are not used.
struct AtomView {
  std::size_t count;
  const int *species;       // indices below the number of species
  const double *positions;  // (count, 3) Å, anywhere
  std::array<double, 9> cell;
  std::array<bool, 3> periodic;
};

// Work space of a search, one for each thread; keeps its memory.
class EnvironmentBuffer
{
 public:
  // Room for `candidates` neighbours of `species` species.
  void reserve(std::size_t candidates, int species);
  Environment view(int centre_species) const;

 private:
  friend class ImageList;
  std::vector<int> hit_, first_;
  std::vector<double> x_, y_, z_, distance_, square_;
};

// All atoms and periodic images that a centre in the cell may see, sorted into bins: any cell, triclinic or smaller
// than the cutoff. Building is O(N) and keeps its memory; a search is const and may run in parallel.
class ImageList
{
 public:
  // Throws DomainError: a position that is not finite, no volume, a cell absurdly small for the cutoff.
  void build(const AtomView &atoms, int species, double cutoff);
  // Neighbours closer than the cutoff, images of the centre included. Throws DomainError for an atom less than 0.001 Å
  // away, which is one atom read twice.
  Environment find(std::size_t centre, EnvironmentBuffer &buffer) const;

 private:
  struct Axis {
    double low, per_bin;  // bin = (fraction - low) * per_bin
    int bins, reach;
  };
  struct Image {
    std::array<double, 3> x;
    std::size_t bin;
    int species, atom;
  };
  void choose_bins(const std::array<double, 3> &heights, const std::array<bool, 3> &periodic);
  int bin_along(std::size_t d, double fraction) const;
  std::size_t row_of(int a, int b) const  // its first bin
  {
    return (static_cast<std::size_t>(a) * static_cast<std::size_t>(axis_[1].bins) + static_cast<std::size_t>(b)) *
           static_cast<std::size_t>(axis_[2].bins);
  }
  void make_images(const AtomView &atoms, const PeriodicBox &box);
  void sort_images();
  [[noreturn]] void refuse_coincident(std::size_t centre) const;

  double cutoff_ = 0;
  int species_ = 0;
  std::size_t atoms_ = 0;
  std::array<Axis, 3> axis_{};
  std::vector<double> fraction_;             // of the atoms
  std::vector<std::array<int, 3>> wrapped_;  // cells taken off the atoms
  std::array<std::vector<int>, 3> bin_of_shift_;
  std::vector<Image> images_;  // by atom
  std::vector<std::size_t> start_, home_;
  // by place, sorted by bin
  std::vector<double> x_, y_, z_;
  std::vector<int> kind_, index_;
};

}  // namespace ufp
