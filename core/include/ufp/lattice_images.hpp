// Atoms of a cell and all of their images near it, in boxes.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ufp/span.hpp"

namespace ufp
{

using Cell = std::array<std::array<double, 3>, 3>;  // rows a, b, c in Å

// Keeps its memory.
class LatticeImages
{
 public:
  // fraction (3) of the atoms, from 0 to 1; inverse: rows a*, b*, c* with a·a* = 1; cutoff in Å around the cell.
  void build(const Cell &cell, const Cell &inverse, const std::array<std::vector<double>, 3> &fraction, double cutoff);
  // Stretches of images with all those within the cutoff of an atom of the cell, and others.
  const std::vector<Span> &around(std::size_t atom);

  std::size_t size() const { return atom_.size(); }
  const double *coordinate(std::size_t axis) const { return image_[axis].data(); }  // Å, of the images
  const int *atom() const { return atom_.data(); }                                  // of which they are
  const double *home(std::size_t atom) const { return &home_[3 * atom]; }           // Å, in the cell

 private:
  void sort();
  std::size_t box(std::size_t axis, double x) const;
  std::size_t column(std::size_t i, std::size_t j) const { return (i * count_[1] + j) * count_[2]; }
  double distance(std::size_t axis, std::size_t box, double x) const;

  double cutoff_ = 0;
  std::vector<double> home_;
  std::array<std::vector<double>, 3> found_, image_;  // as found and by box
  std::vector<int> found_atom_, atom_;
  std::array<double, 3> low_{}, width_{}, per_length_{};
  std::array<std::size_t, 3> count_{};
  std::vector<std::size_t> start_;  // images of box k: start[k] to start[k + 1]
  std::vector<Span> stretches_;
};

}  // namespace ufp
