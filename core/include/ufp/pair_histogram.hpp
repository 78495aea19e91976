// Integer histograms of distances: between points and a cloud, of displacements in time, of distance and angle.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ufp/image_cloud.hpp"

namespace ufp
{

// Counts distances below the radius of the cloud from each of `n` points (rows x y z) to each image in `bins` bins of
// equal width. With `same`, point i is point i of the cloud at another (or the same) time, and that one image of itself
// is left out; its other images count. `counts` is added to. Throws DomainError for a point that is 1e9 cells away.
void pair_histogram(const double *points, std::size_t n, const ImageCloud &cloud, bool same, std::size_t bins,
                    std::int64_t *counts);

// The same of `n` points and `m` others, whichever way is faster: by an ImageCloud, or, where a sphere of the radius
// fits into the cell and fills much of it, by the nearest image of every other point. Throws DomainError as ImageCloud
// does.
void pair_histogram(const double *points, std::size_t n, const double *others, std::size_t m, const PeriodicBox &box,
                    double radius, bool same, std::size_t bins, std::int64_t *counts);

// Counts the displacements of one ion with `series` (3, n_frames), component-major, over `lag` frames for origins first
// <= t0 < last: bins of `radius`/`bins`, longer ones not at all. `moments` receives the sums of r^2 and r^4.
void displacement_histogram(const double *series, std::size_t n_frames, std::size_t lag, std::size_t first,
                            std::size_t last, double radius, std::size_t bins, std::int64_t *counts,
                            double *moments) noexcept;

// For every bond from `centre` to `ligand` (rows x y z) and every image of the cloud within its radius of the ligand:
// distance r and angle centre-ligand-image. `counts` (r_bins, angle_bins) over 0 <= r < radius, 0 <= angle <= pi is
// added to. The ligand is given in the image that is bonded to the centre.
void bond_angle_histogram(const double *centre, const double *ligand, std::size_t n, const ImageCloud &cloud,
                          std::size_t r_bins, std::size_t angle_bins, std::int64_t *counts);

// Angles at the first atom of `n` triples between the directions to the other two, rad, by minimum images.
void triple_angles(const double *positions, const std::int64_t *triples, std::size_t n, const double *cell,
                   const double *inverse, double *angles) noexcept;

}  // namespace ufp
