#include "pair_ufp.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "atom.h"
#include "citeme.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "modify.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"

using namespace LAMMPS_NS;

namespace
{

const char citation[] = "pair_style ufp: doi:10.1038/s41524-023-01092-7\n\n"
                        "@Article{Xie2023,\n"
                        " author = {Xie, Stephen R. and Rupp, Matthias and Hennig, Richard G.},\n"
                        " title = {Ultra-fast interpretable machine-learning potentials},\n"
                        " journal = {npj Computational Materials},\n"
                        " volume = {9},\n"
                        " pages = {162},\n"
                        " year = {2023}\n"
                        "}\n\n";

std::size_t at(int i)
{
  return static_cast<std::size_t>(i);
}

}  // namespace

PairUFP::PairUFP(LAMMPS *host) : Pair(host), report_(host)
{
  single_enable = 0;
  restartinfo = 1;
  one_coeff = 1;
  reinitflag = 0;  // fix adapt finds nothing to change
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;  // the virial is summed over the neighbourhoods
  centroidstressflag = CENTROID_AVAIL;
  nextra = 2;
  pvector = new double[2]();
  report_.reset();
  if (lmp->citeme) lmp->citeme->add(citation);
}

PairUFP::~PairUFP()
{
  delete[] pvector;
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

void PairUFP::allocate()
{
  const int n = atom->ntypes + 1;
  if (!allocated) {
    memory->create(setflag, n, n, "pair:setflag");
    memory->create(cutsq, n, n, "pair:cutsq");
  }
  allocated = 1;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      setflag[i][j] = 0;
      cutsq[i][j] = 0;
    }
}

void PairUFP::settings(int narg, char **arg)
{
  if (strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR, "pair_style ufp: expected units metal, found units {}", update->unit_style);
  options_ = ufp::Uf3ModelOptions{};
  short_ = Short::warn;
  int i = 0;
  if (i < narg && (strcmp(arg[i], "2") == 0 || strcmp(arg[i], "3") == 0)) options_.degree = arg[i++][0] - '0';
  for (; i < narg; i += 2) {
    const std::string key = arg[i], value = i + 1 < narg ? arg[i + 1] : "nothing";
    const auto choose = [&](const char *first, const char *second, const char *third = nullptr) {
      if (value == first) return 0;
      if (value == second) return 1;
      if (third && value == third) return 2;
      error->all(FLERR, "pair_style ufp: expected {} {}|{}{}{}, found {}", key, first, second, third ? "|" : "",
                 third ? third : "", value);
      return -1;
    };
    if (key == "short")
      short_ = static_cast<Short>(choose("warn", "error", "quiet"));
    else if (key == "onebody")
      options_.onebody = choose("no", "yes") == 1;
    else if (key == "missing3b")
      options_.missing_triplets_zero = choose("error", "zero") == 1;
    else
      error->all(FLERR, "pair_style ufp: expected 2, 3, short, onebody or missing3b, found {}", key);
  }
  single_enable = options_.degree == 2;
  if (model_) use(folded(potential_, source_));
}

void PairUFP::init_style()
{
  if (!model_) restore();
  if (force->newton_pair == 0) error->all(FLERR, "pair_style ufp: expected newton on (for pairs), found newton off");
  if (atom->tag_enable == 0) error->all(FLERR, "pair_style ufp: expected atoms with IDs, found atom_modify id no");
  neighbor->add_request(this, NeighConst::REQ_FULL);
  report_.reset();
  warn_of_neighbours();
  warn_of_pair_energies();
  if (comm->me == 0 && !logged_) log_model();
  logged_ = true;
}

// LAMMPS leaves bonded neighbours out of the list where both weights are zero.
void PairUFP::warn_of_neighbours() const
{
  bool left_out = false;
  for (int k = 1; k <= 3; ++k) left_out = left_out || (force->special_lj[k] == 0 && force->special_coul[k] == 0);
  if (comm->me == 0 && left_out && atom->nbonds > 0)
    error->warning(FLERR, "pair_style ufp: expected special_bonds lj/coul 1 1 1 for atoms with bonds, found a weight "
                          "of 0, with which bonded neighbours are left out of this potential");
}

// LAMMPS refuses these computes next, without a reason.
void PairUFP::warn_of_pair_energies() const
{
  if (comm->me != 0 || options_.degree == 2) return;
  for (const char *const style : {"pair/local", "group/group"})
    if (!modify->get_compute_by_style(style).empty())
      error->warning(FLERR,
                     "pair_style ufp 3: compute {} can have no energies or forces of pairs, because three-body terms "
                     "have no decomposition into pairs; pair_style ufp 2 has them",
                     style);
}

void PairUFP::log_model() const
{
  std::size_t pairs = 0, triplets = 0, coefficients = 0;
  bool uniform = true;
  const auto count = [&](const auto &block, std::size_t &blocks) {
    for (const auto &element : block.elements)
      if (std::find(elements_.begin(), elements_.end(), element) == elements_.end()) return;
    ++blocks;
    coefficients += block.coefficients.size();
    uniform = uniform && block.kind == ufp::KnotKind::uniform;
  };
  for (const auto &block : potential_.pairs) count(block, pairs);
  if (options_.degree == 3)
    for (const auto &block : potential_.triplets) count(block, triplets);
  double pair_cutoff = 0, leg_cutoff = 0;
  std::string names;
  for (int a = 0; a < static_cast<int>(elements_.size()); ++a) {
    names += " " + elements_[at(a)];
    for (int b = 0; b < static_cast<int>(elements_.size()); ++b) {
      pair_cutoff = std::max(pair_cutoff, model_->pair_cutoff(a, b));
      leg_cutoff = std::max(leg_cutoff, model_->leg_cutoff(a, b));
    }
  }
  std::string text = fmt::format("pair_style ufp: {} (DATE: {}), elements{}\n", source_.file, potential_.date, names);
  text += fmt::format("  {} two-body terms, cutoff {:.6g} A", pairs, pair_cutoff);
  if (triplets > 0) text += fmt::format("; {} three-body terms, legs up to {:.6g} A", triplets, leg_cutoff);
  text += fmt::format("\n  {} coefficients, {} knots, {:.3g} MB of tables\n", coefficients,
                      uniform ? "uniform" : "non-uniform", static_cast<double>(model_->bytes()) / 1048576.0);
  static const char *const modes[] = {"warn", "error", "quiet"};
  text += fmt::format("  one-body energies {}, short contacts {}, {} thread(s) per rank\n",
                      options_.onebody ? "added" : "not added", modes[static_cast<int>(short_)], comm->nthreads);
  for (const std::string &note : model_->notes()) text += "  note: " + note + "\n";
  utils::logmesg(lmp, text);
}

double PairUFP::init_one(int i, int j)
{
  if (species_[at(i)] < 0 || species_[at(j)] < 0)
    error->all(FLERR, "pair_style ufp: atom type {} is NULL: use pair_style hybrid/overlay to give it another style",
               species_[at(i)] < 0 ? i : j);
  return model_->cutoff(species_[at(i)], species_[at(j)]);
}

void PairUFP::prepare(int threads)
{
  int longest = 0;
  for (int ii = 0; ii < list->inum; ++ii) longest = std::max(longest, list->numneigh[list->ilist[ii]]);
  workers_.resize(at(threads));
  for (std::size_t t = 0; t < workers_.size(); ++t) {
    Worker &worker = workers_[t];
    worker.scratch.reserve(*model_, longest);
    worker.scratch.reset();
    worker.adapter.reserve(longest);
    worker.force.assign(t == 0 ? 0 : 3 * at(atom->nlocal + atom->nghost), 0.0);
    worker.energy = 0;
    worker.virial = {};
    worker.coincident = worker.contact = {-1, -1};
    worker.clamped = {-1, -1, -1};
    worker.distance = std::numeric_limits<double>::infinity();
  }
}

void PairUFP::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  const bool per_atom = eflag_atom || vflag_atom || cvflag_atom;
  const ufp::Detail detail = per_atom ? ufp::Detail::per_atom : ufp::Detail::forces;
#if defined(_OPENMP)
  const int threads = per_atom ? 1 : std::max(1, comm->nthreads);  // per-atom tallies write to shared arrays
#else
  const int threads = 1;
#endif
  prepare(threads);

#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(static, 1)
#endif
  for (int t = 0; t < threads; ++t) {
    Worker &worker = workers_[at(t)];
    double *const f = t == 0 ? &atom->f[0][0] : worker.force.data();
    const auto bound = [&](int k) { return static_cast<int>(static_cast<bigint>(list->inum) * k / threads); };
    for (int ii = bound(t); ii < bound(t + 1); ++ii) evaluate_centre(list->ilist[ii], worker, f, detail);
  }

  for (const Worker &worker : workers_) {
    for (std::size_t k = 0; k < worker.force.size(); ++k) (&atom->f[0][0])[k] += worker.force[k];
    if (eflag_global) eng_vdwl += worker.energy;
    if (vflag_global)
      for (std::size_t k = 0; k < 6; ++k) virial[k] += worker.virial[k];
  }
  report_events();
}

void PairUFP::evaluate_centre(int i, Worker &worker, double *f, ufp::Detail detail)
{
  if (species_[at(atom->type[i])] < 0) return;
  ufp::Uf3Scratch &w = worker.scratch;
  const ufp::Neighborhood neighborhood =
      worker.adapter.pack(i, list->firstneigh[i], list->numneigh[i], atom->x, atom->type, species_, cutsq);
  worker.energy += ufp::evaluate(*model_, neighborhood, w, detail);
  for (std::size_t k = 0; k < 6; ++k) worker.virial[k] += w.virial[k];
  double fx = 0, fy = 0, fz = 0;
  for (int q = 0; q < neighborhood.count; ++q) {
    double *const fj = f + 3 * static_cast<std::ptrdiff_t>(worker.adapter.atom(q));
    fj[0] += w.fx[at(q)];
    fj[1] += w.fy[at(q)];
    fj[2] += w.fz[at(q)];
    fx += w.fx[at(q)];
    fy += w.fy[at(q)];
    fz += w.fz[at(q)];
  }
  double *const fi = f + 3 * static_cast<std::ptrdiff_t>(i);
  fi[0] -= fx;
  fi[1] -= fy;
  fi[2] -= fz;
  if (w.closest_short >= 0 || w.coincident >= 0 || w.clamped_j >= 0) note_events(i, worker);
  if (detail == ufp::Detail::per_atom) tally_atoms(i, worker);
}

void PairUFP::tally_atoms(int i, const Worker &worker)
{
  const ufp::Uf3Scratch &w = worker.scratch;
  for (int q = 0; q <= worker.adapter.count(); ++q) {
    const int j = q < worker.adapter.count() ? worker.adapter.atom(q) : i;
    if (eflag_atom) eatom[j] += w.energy[at(q)];
    if (vflag_atom)
      for (int k = 0; k < 6; ++k) vatom[j][k] += w.share[at(6 * q + k)];
    if (cvflag_atom)
      for (int k = 0; k < 9; ++k) cvatom[j][k] += w.centroid[at(9 * q + k)];
  }
}

void PairUFP::note_events(int i, Worker &worker) const
{
  const ufp::Uf3Scratch &w = worker.scratch;
  if (w.coincident >= 0) worker.coincident = {i, worker.adapter.atom(w.coincident)};
  if (w.closest_short >= 0 && w.distance[at(w.closest_short)] < worker.distance) {
    worker.distance = w.distance[at(w.closest_short)];
    worker.contact = {i, worker.adapter.atom(w.closest_short)};
  }
  if (w.clamped_j >= 0) worker.clamped = {i, worker.adapter.atom(w.clamped_j), worker.adapter.atom(w.clamped_k)};
}

std::string PairUFP::describe(int i) const
{
  return fmt::format("{} (type {})", atom->tag[i], atom->type[i]);
}

// error->one(): the other ranks do not know of it and need not, the run ends here.
void PairUFP::report_events()
{
  for (const Worker &worker : workers_) {
    if (worker.coincident[0] >= 0)
      error->one(FLERR, "pair_style ufp: atoms {} and {} are on one point at step {}: expected distinct positions",
                 describe(worker.coincident[0]), describe(worker.coincident[1]), update->ntimestep);
    report_.add(worker.scratch.events);
    if (worker.contact[0] >= 0) {
      const int i = worker.contact[0], j = worker.contact[1], a = atom->type[i], b = atom->type[j];
      const double knot = model_->first_knot(species_[at(a)], species_[at(b)]);
      if (short_ == Short::error)
        error->one(FLERR,
                   "pair_style ufp: atoms {} and {} at a distance of {:.6f} at step {}: expected at least {:.6f}, "
                   "the first knot",
                   describe(i), describe(j), worker.distance, update->ntimestep, knot);
      report_.add(
          ContactReport::Contact{worker.distance, knot, update->ntimestep, {atom->tag[i], atom->tag[j]}, {a, b}});
    }
    if (short_ == Short::error && worker.clamped[0] >= 0)
      error->one(
          FLERR, "pair_style ufp: atoms {}, {} and {} at step {}: expected distances above the first 3-body knots",
          describe(worker.clamped[0]), describe(worker.clamped[1]), describe(worker.clamped[2]), update->ntimestep);
  }
  // Steps that all ranks agree on; between them the events are only counted.
  if (eflag_global || neighbor->ago == 0) {
    report_.reduce(short_ == Short::warn);
    // compute pair sums over ranks
    pvector[0] = comm->me == 0 ? static_cast<double>(report_.contacts()) : 0.0;
    pvector[1] = comm->me == 0 ? report_.closest() : 0.0;
  }
}

void PairUFP::finish()
{
  report_.finish(short_ == Short::warn);
}

double PairUFP::single(int, int, int itype, int jtype, double rsq, double, double, double &fforce)
{
  fforce = 0;
  const double r = std::sqrt(rsq);
  if (species_[at(itype)] < 0 || species_[at(jtype)] < 0 || r == 0) return 0;
  double derivative = 0;
  const double energy = model_->pair(species_[at(itype)], species_[at(jtype)], r, derivative);
  fforce = -2 * derivative / r;  // V2 counts ordered pairs
  return 2 * energy;
}

void PairUFP::modify_params(int narg, char **arg)
{
  const auto refuse = [&](const std::string &key, const char *reason) {
    error->all(FLERR,
               "pair_style ufp: expected no pair_modify {}, found it: {}; leave it out or name the style that it is "
               "meant for (pair_modify pair STYLE {} ...)",
               key, reason, key);
  };
  for (int i = 0; i < narg; i += strcmp(arg[i], "nofdotr") == 0 ? 1 : 2) {  // all others take one value
    const std::string key = arg[i];
    const bool on = i + 1 < narg && strcmp(arg[i + 1], "no") != 0;
    if (key == "mix") refuse(key, "the file holds a block for every pair of elements");
    if (key == "shift" && on) refuse(key, "the file alone says how the potential ends at its cutoffs");
    if (key == "tail" && on) refuse(key, "the potential has no tail beyond its cutoffs");
    if (key.rfind("tab", 0) == 0) refuse(key, "the style has no tables of Coulomb or dispersion terms");
  }
  Pair::modify_params(narg, arg);
}

double PairUFP::memory_usage()
{
  double bytes = Pair::memory_usage() + (model_ ? static_cast<double>(model_->bytes()) : 0.0);
  for (const Worker &worker : workers_) bytes += static_cast<double>(worker.force.size() * sizeof(double));
  return bytes;
}
