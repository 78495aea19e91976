// The baseline beneath a field gradient model: Ewald sums over all atoms of the box, shared out over the ranks.
#pragma once

#include <string>
#include <vector>

#include "pointers.h"
#include "ufp/efg_model.hpp"

namespace LAMMPS_NS
{

class SharedBaseline : protected Pointers
{
 public:
  // owner: the style, in messages. species: (ntypes + 1) of each type among those of the model.
  SharedBaseline(LAMMPS *host, const ufp::EfgBaseline &baseline, const std::vector<int> &species,
                 const std::string &owner);

  // Stops LAMMPS where the sums have no meaning: a box that is not periodic, an atom type without an element.
  void check() const;
  // On all ranks together: tensors of some atoms of each, which stay valid until the next call.
  void evaluate(const std::vector<int> &centres);
  // xx yy zz xy xz yz, V/A^2, of the k-th centre of this rank
  const double *tensor(std::size_t k) const { return &tensors_[6 * (first_ + k)]; }
  double bytes() const;

 private:
  void gather(const std::vector<int> &centres);
  void share(double *values, std::size_t n, std::size_t width) const;

  std::string owner_, name_;
  std::vector<int> kind_;  // (ntypes + 1) of each type in the baseline, -1: none
  std::vector<double> coefficients_;
  ufp::PolarisableModel model_;
  ufp::Team team_;
  std::vector<double> mine_, all_;  // what is known of an atom, of this rank and of all
  std::vector<double> positions_;   // (atoms, 3)
  std::vector<int> species_;        // (atoms)
  std::vector<std::size_t> sites_;  // centres of all ranks, ordered by rank
  std::vector<double> tensors_;     // (sites, 6)
  std::size_t first_ = 0;           // place of this rank's first centre among the sites
};

}  // namespace LAMMPS_NS
