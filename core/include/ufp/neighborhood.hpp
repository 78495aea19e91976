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
    if (n <= species_.size()) return;
    species_.resize(n);
    for (std::vector<double> *v : {&dx_, &dy_, &dz_}) v->resize(n);
  }
  void clear() noexcept { count_ = 0; }
  void add(int species, double dx, double dy, double dz)
  {
    const auto n = static_cast<std::size_t>(count_);
    if (n == species_.size()) reserve(2 * count_ + 16);
    species_[n] = species;
    dx_[n] = dx;
    dy_[n] = dy;
    dz_[n] = dz;
    ++count_;
  }
  int count() const noexcept { return count_; }
  Neighborhood view(int centre_species) const noexcept
  {
    return {centre_species, count_, species_.data(), dx_.data(), dy_.data(), dz_.data()};
  }

 private:
  int count_ = 0;
  std::vector<int> species_;  // may be longer than count_, as the others
  std::vector<double> dx_, dy_, dz_;
};

}  // namespace ufp
