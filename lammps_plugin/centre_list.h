// The share of one thread of a LAMMPS full neighbour list, as neighbourhoods for the kernel.
#pragma once

#include <cstddef>
#include <vector>

#include "atom.h"
#include "neigh_list.h"
#include "ufp/neighborhood.hpp"
#include "ufp/uf3_model.hpp"

namespace LAMMPS_NS
{

class CentreList
{
 public:
  // Centres list->ilist[begin .. end). Every bond goes to one of its two ends; the legs are the neighbours within the
  // three-body reach. `margin`: how far a distance may still shrink until the next call, A. species: (ntypes + 1)
  // element of each type, -1: none.
  void build(const NeighList &list, int begin, int end, const Atom &atom, const std::vector<int> &species,
             const ufp::Uf3Model &model, double margin);

  int size() const { return static_cast<int>(centres_.size()); }
  ufp::Neighborhood centre(int k, const double *x) const;
  int most_legs() const { return most_legs_; }
  double bytes() const;

 private:
  void add(const NeighList &list, int i, const Atom &atom, const std::vector<int> &species);

  struct Centre {
    int atom, species;
    std::size_t bonds, legs;  // where its neighbours begin
  };
  int species_count_ = 0, most_legs_ = 0;
  std::vector<double> bond_reach_, leg_reach_;  // squared, (centre species, species)
  std::vector<Centre> centres_;
  std::vector<int> bonds_, legs_;                   // indices of atoms
  std::vector<int> first_bond_, first_leg_;         // (centres, species + 1) counted from the start of the centre
  std::vector<std::vector<int>> bond_of_, leg_of_;  // by species, while a centre is added
};

}  // namespace LAMMPS_NS
