#include "ufp/neighborhood.hpp"

namespace ufp
{

Neighborhood NeighborhoodBuffer::view(int centre_species, int species_count)
{
  index_.clear();
  first_.assign(1, 0);
  for (int b = 0; b < species_count; ++b) {
    for (int q = 0; q < count(); ++q)
      if (species_[static_cast<std::size_t>(q)] == b) index_.push_back(q + 1);
    first_.push_back(static_cast<int>(index_.size()));
  }
  index_.insert(index_.end(), 3, 0);  // kernels read whole vectors
  Neighborhood out;
  out.x = x_.data();
  out.species = centre_species;
  out.bonds = out.legs = {index_.data(), first_.data()};
  return out;
}

}  // namespace ufp
