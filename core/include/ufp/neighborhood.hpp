// The unit of work of every kernel: one centre and its neighbours.
#pragma once

#include <vector>

namespace ufp
{

// Neighbours as indices into an array of positions, grouped by species: those of species b are
// index[first[b]] .. index[first[b + 1] - 1]. Kernels read in vectors: three more entries behind the last one must be
// readable and hold valid indices (they are not used).
struct NeighborRuns {
  const int *index = nullptr;
  const int *first = nullptr;  // (species + 1)
};

// One centre. Positions are those of real atoms or periodic images, each image has its own index; the centre itself is
// not among its neighbours. More neighbours than the model reaches do no harm. Species are indices into the element
// list of the model.
struct Neighborhood {
  const double *x = nullptr;  // (n, 3) positions, A
  int centre = 0;             // index of the centre
  int species = 0;            // of the centre
  NeighborRuns bonds;         // of the pair terms
  double bond_weight = 1;     // 1: the other end visits the bond too; 2: each bond is listed by one of its ends only
  NeighborRuns legs;          // of the three-body terms: all neighbours
};

// One centre at the origin with its neighbours as displacements, all of them for bonds and legs alike. Index 0 is the
// centre, 1 + q the neighbour q in the order of add(). Keeps its memory between centres.
class NeighborhoodBuffer
{
 public:
  void clear()
  {
    x_.assign(3, 0.0);
    species_.clear();
  }
  void add(int species, double dx, double dy, double dz)
  {
    species_.push_back(species);
    x_.insert(x_.end(), {dx, dy, dz});
  }
  int count() const { return static_cast<int>(species_.size()); }
  // Valid until the next call that is not const.
  Neighborhood view(int centre_species, int species_count);

 private:
  std::vector<double> x_{0.0, 0.0, 0.0};
  std::vector<int> species_, index_, first_;
};

}  // namespace ufp
