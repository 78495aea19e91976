// pair_style ufp: ultra-fast two- and three-body spline potentials from .uf3 files.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "centre_list.h"
#include "contact_report.h"
#include "pair.h"
#include "potential_source.h"
#include "type_table.h"
#include "ufp/uf3_evaluate.hpp"
#include "ufp/uf3_potential.hpp"

namespace LAMMPS_NS
{

class PairUFP : public Pair
{
 public:
  explicit PairUFP(class LAMMPS *);
  ~PairUFP() override;
  PairUFP(const PairUFP &) = delete;
  PairUFP &operator=(const PairUFP &) = delete;

  void compute(int, int) override;
  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;
  void finish() override;
  double single(int, int, int, int, double, double, double, double &) override;
  void *extract(const char *, int &) override;
  void modify_params(int, char **) override;
  void write_restart(FILE *) override;
  void read_restart(FILE *) override;
  void write_restart_settings(FILE *) override;
  void read_restart_settings(FILE *) override;
  double memory_usage() override;

 private:
  enum class Short { warn, error, quiet };

  // The centres of one thread and everything it writes to.
  struct Worker {
    CentreList centres;
    ufp::Uf3Scratch scratch;
    ufp::Uf3Sums sums;
    std::vector<double> force, atom_energy, atom_virial, atom_centroid;  // empty for the first thread
  };

  void allocate();
  void load(PotentialSource source, bool restored);
  void restore();
  std::unique_ptr<ufp::Uf3Model> folded(const ufp::Uf3Potential &potential, const PotentialSource &source) const;
  void use(std::unique_ptr<ufp::Uf3Model> model);
  void warn_of_neighbours() const;
  void warn_of_pair_energies() const;
  void log_model() const;
  void update_lists(int threads);
  std::vector<int> balanced(int threads) const;
  void prepare(Worker &worker, bool first);
  void add_up(int threads);
  void report_events();
  std::string describe(int i) const;

  ufp::Uf3ModelOptions options_;
  Short short_ = Short::warn;
  PotentialSource source_;
  ufp::Uf3Potential potential_;
  std::vector<std::string> elements_;  // distinct, in order of first use
  std::vector<int> species_;           // (ntypes + 1) type -> index into elements_, -1: NULL
  std::unique_ptr<ufp::Uf3Model> model_;
  TypeTable cutoff_, pair_cutoff_, leg_cutoff_, first_knot_;  // for extract()
  std::vector<double> onebody_;
  bool logged_ = false;
  ufp::Simd simd_ = ufp::Simd::baseline;
  std::vector<Worker> workers_;
  bool lists_stale_ = true;
  std::array<bigint, 4> list_state_{};
  ContactReport report_;
};

}  // namespace LAMMPS_NS
