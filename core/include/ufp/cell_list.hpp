// Neighbours within a cutoff in any cell: triclinic, any mix of periodic directions, smaller than the cutoff.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ufp/periodic_box.hpp"

namespace ufp
{

struct Neighbor {
  std::array<double, 3> displacement;  // x_j + shift . cell - x_i, A
  double distance;                     // A
  int index;                           // j
  std::array<int, 3> shift;            // image of j, in cell vectors
};

// Binned atoms. Building is O(N), a query is O(neighbours); queries are const and may run in parallel.
class CellList
{
 public:
  // positions: n rows x y z, anywhere (atoms outside the cell are taken to their image inside).
  // cell: rows a, b, c; the rows of non-periodic directions are not used and may be zero.
  // Throws DomainError: not finite, cutoff <= 0, periodic vectors without volume, cell absurdly small for the cutoff.
  CellList(const double *positions, std::size_t n, const std::array<double, 9> &cell,
           const std::array<bool, 3> &periodic, double cutoff);

  // All j with distance < cutoff, images of i itself included, i itself not; ordered by (j, shift). Two atoms on
  // one point are neighbours at distance 0: the caller decides what that means.
  void neighbors(std::size_t i, std::vector<Neighbor> &out) const;

  std::size_t size() const { return n_; }
  double cutoff() const { return cutoff_; }

 private:
  std::size_t bin_of(const std::array<int, 3> &b) const;
  void wrap();
  void choose_bins();
  void fill_bins();

  std::size_t n_;
  double cutoff_;
  PeriodicBox box_;
  std::vector<double> x_;                    // as given
  std::vector<double> inside_;               // the same atoms in the cell
  std::vector<double> fraction_;             // in [0, 1) along periodic directions
  std::vector<std::array<int, 3>> wrapped_;  // x = (fraction + wrapped) . cell
  std::array<int, 3> bins_{{1, 1, 1}}, reach_{{0, 0, 0}};
  std::array<double, 3> lowest_{}, per_width_{};
  std::vector<std::array<int, 3>> bin_;
  std::vector<std::size_t> start_;  // atoms of bin b: order_[start_[b] .. start_[b + 1])
  std::vector<int> order_;
};

}  // namespace ufp
