#include "environment_packer.h"

#include <cmath>
#include <cstddef>

#include "lmptype.h"

using namespace LAMMPS_NS;

namespace
{

constexpr double coincident_square = 1e-6;  // A^2

std::size_t at(int i)
{
  return static_cast<std::size_t>(i);
}

}  // namespace

EnvironmentPacker::EnvironmentPacker(const std::vector<int> &species, int count, double cutoff)
    : species_(species), count_(count), square_(cutoff * cutoff), first_(at(count) + 2)
{
}

ufp::Environment EnvironmentPacker::pack(const NeighList &list, int i, const Atom &atom)
{
  const int candidates = list.numneigh[i];
  if (at(candidates) > kind_.size()) {
    const std::size_t room = 2 * at(candidates);
    kind_.resize(room);
    candidate_.resize(4 * room);
    for (auto *v : {&x_, &y_, &z_, &distance_}) v->resize(room);
  }
  const double *const *const x = atom.x;
  const double x0 = x[i][0], y0 = x[i][1], z0 = x[i][2];
  coincident_ = -1;
  first_.assign(first_.size(), 0);
  std::size_t found = 0;
  for (int q = 0; q < candidates; ++q) {
    const int j = list.firstneigh[i][q] & NEIGHMASK, species = species_[at(atom.type[j])];
    const double dx = x[j][0] - x0, dy = x[j][1] - y0, dz = x[j][2] - z0, square = dx * dx + dy * dy + dz * dz;
    if (species < 0 || square >= square_) continue;
    if (square < coincident_square) coincident_ = j;
    double *const place = &candidate_[4 * found];
    place[0] = dx;
    place[1] = dy;
    place[2] = dz;
    place[3] = square;
    kind_[found++] = species;
    ++first_[at(species) + 2];
  }
  for (std::size_t b = 2; b < first_.size(); ++b) first_[b] += first_[b - 1];
  for (std::size_t k = 0; k < found; ++k) {
    const double *const from = &candidate_[4 * k];
    const std::size_t place = at(first_[at(kind_[k]) + 1]++);  // in the end the first place of the next species
    x_[place] = from[0];
    y_[place] = from[1];
    z_[place] = from[2];
    distance_[place] = std::sqrt(from[3]);
  }
  return {species_[at(atom.type[i])], x_.data(), y_.data(), z_.data(), distance_.data(), first_.data()};
}

double EnvironmentPacker::bytes() const
{
  return static_cast<double>(kind_.size() * sizeof(int) + (candidate_.size() + 4 * x_.size()) * sizeof(double));
}
