// The unit of work of every kernel: one centre and its neighbours.
#pragma once

#include <cstddef>
#include <vector>

namespace ufp
{

// Neighbours of one centre within at least the cutoff of the model that is asked (more do no harm), in any order.
// Periodic images are separate neighbours; the centre itself is not one of them. Species are indices into the
// element list of the model.
struct Neighborhood {
  int species = 0;                        // of the centre
  int count = 0;                          // number of neighbours
  const int *neighbor_species = nullptr;  // (count)
  const double *dx = nullptr;             // (count) position of the neighbour minus that of the centre, A
  const double *dy = nullptr;
  const double *dz = nullptr;
};

// Owns the arrays of one neighbourhood; keeps its memory between centres.
class NeighborhoodBuffer
{
 public:
  void reserve(int count)
  {
    const auto n = static_cast<std::size_t>(count);
    species_.reserve(n);
    dx_.reserve(n);
    dy_.reserve(n);
    dz_.reserve(n);
  }
  void clear() noexcept
  {
    species_.clear();
    dx_.clear();
    dy_.clear();
    dz_.clear();
  }
  void add(int species, double dx, double dy, double dz)
  {
    species_.push_back(species);
    dx_.push_back(dx);
    dy_.push_back(dy);
    dz_.push_back(dz);
  }
  int count() const noexcept { return static_cast<int>(species_.size()); }
  Neighborhood view(int centre_species) const noexcept
  {
    return {centre_species, count(), species_.data(), dx_.data(), dy_.data(), dz_.data()};
  }

 private:
  std::vector<int> species_;
  std::vector<double> dx_, dy_, dz_;
};

}  // namespace ufp
