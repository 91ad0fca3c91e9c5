// What is thrown in any call of the interface, and settings of the process that are left changed.
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cfenv>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);

void throw_words() { throw std::runtime_error("out of luck"); }

Behavior throws_when_asked(std::function<void()> Behavior::*question) {
  return replaced(question, throw_words);
}

void change_threads(const Work&) { omp_set_num_threads(omp_get_max_threads() + 1); }

void run_on_the_first_cpu(const Work&) {
  cpu_set_t cpus;
  sched_getaffinity(0, sizeof(cpus), &cpus);
  int first = 0;
  while (!CPU_ISSET(first, &cpus)) ++first;
  CPU_ZERO(&cpus);
  CPU_SET(first, &cpus);
  sched_setaffinity(0, sizeof(cpus), &cpus);
}

bool has_one_cpu() {
  cpu_set_t cpus;
  sched_getaffinity(0, sizeof(cpus), &cpus);
  return CPU_COUNT(&cpus) < 2;
}

void handle_a_signal(const Work&) { std::signal(SIGUSR1, SIG_IGN); }

void round_upward(const Work&) { std::fesetround(FE_UPWARD); }

void round_upward_in_a_worker(const Work&) {
#pragma omp parallel num_threads(2)
  {
    if (omp_get_thread_num() == 1) std::fesetround(FE_UPWARD);
  }
}

// The locale "C.UTF-8" is there on every Debian.
void change_the_locale(const Work&) { std::setlocale(LC_ALL, "C.UTF-8"); }

void block_a_signal(const Work&) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void set_a_timer(const Work&) {
  const itimerval in_an_hour = {.it_interval = {}, .it_value = {.tv_sec = 3600, .tv_usec = 0}};
  setitimer(ITIMER_REAL, &in_an_hour, nullptr);
}

void go_elsewhere(const Work&) {
  if (chdir("/") != 0) throw std::runtime_error("there is no root");
}

bool is_at_root() { return std::filesystem::current_path() == "/"; }

#if defined(__GLIBC__)
constexpr const char* kNoTraps = "";
void trap_divisions(const Work&) { feenableexcept(FE_DIVBYZERO); }
#else
constexpr const char* kNoTraps = "the C library cannot set traps";
void trap_divisions(const Work&) {}
#endif

}  // namespace

std::vector<Faulty> process_faults() {
  return {
      {"throws_in_supports", kTraining, "", "supports() threw: out of luck",
       throws_when_asked(&Behavior::when_asked_for_support)},
      {"changes_threads_in_supports", kTraining, "", "supports() left OpenMP's settings changed",
       replaced(&Behavior::when_asked_for_support,
                [] { omp_set_num_threads(omp_get_max_threads() + 1); })},
      {"rounds_upward_in_a_worker", kTraining, "", "left the rounding mode of a thread changed",
       followed_by(round_upward_in_a_worker)},
      {"throws_in_accuracy", kTraining, "", "could not be prepared: out of luck",
       throws_when_asked(&Behavior::when_asked_for_accuracy)},
      {"throws_in_detail", kTraining, "", "could not be prepared: out of luck",
       throws_when_asked(&Behavior::when_asked_for_detail)},
      {"throws_in_collect", kTraining, "", "in collect(): threw: out of luck",
       replaced(&Behavior::collect, [](const Work&) { throw_words(); })},
      {"throws_in_the_second_call", kTraining, "", "in run(): threw: out of luck",
       replaced(&Behavior::run,
                [](const Work& work) {
                  if (work.call == 2) throw_words();
                  normalize_all(work);
                })},
      {"rounds_upward_from_then_on", kTraining, "", "left the rounding mode changed",
       followed_by(round_upward)},
      {"rounds_upward_when_prepared", kTraining, "",
       "while it was prepared: left the rounding mode", replaced(&Behavior::prepare, round_upward)},
      {"traps_divisions", kTraining, "", "left floating-point traps changed",
       followed_by(trap_divisions), kNoTraps},
      {"changes_threads", kTraining, "", "left OpenMP's settings changed",
       followed_by(change_threads)},
      {"binds_its_thread", kTraining, "", "left the CPUs of the thread changed",
       followed_by(run_on_the_first_cpu), has_one_cpu() ? "there is one CPU" : ""},
      {"handles_a_signal", kTraining, "", "left a signal handler behind",
       followed_by(handle_a_signal)},
      {"handles_a_signal_when_prepared", kTraining, "", "left a signal handler behind",
       replaced(&Behavior::prepare, handle_a_signal)},
      {"blocks_a_signal", kTraining, "", "left other signals blocked", followed_by(block_a_signal)},
      {"sets_a_timer", kTraining, "", "left a timer running", followed_by(set_a_timer)},
      {"sets_a_new_handler", kTraining, "", "left a handler of C++ behind",
       followed_by([](const Work&) { std::set_new_handler([] { throw std::bad_alloc(); }); })},
      {"lowers_its_priority", kTraining, "", "left the priority of the thread changed",
       followed_by([](const Work&) { setpriority(PRIO_PROCESS, 0, 5); }),
       geteuid() == 0 ? "" : "who is not root cannot take it back"},
      {"goes_elsewhere", kTraining, "", "left the working directory changed",
       followed_by(go_elsewhere), is_at_root() ? "it is there already" : ""},
      {"masks_new_files", kTraining, "", "left the mask of new files changed",
       followed_by([](const Work&) { umask(0777); })},
      {"sets_a_variable", kTraining, "", "left the environment changed",
       followed_by([](const Work&) { setenv("OMP_WAIT_POLICY", "active", 1); })},
      {"removes_the_variables_when_prepared", kTraining, "", "left the environment changed",
       replaced(&Behavior::prepare, [](const Work&) { clearenv(); })},
      {"closes_stdin", kTraining, "", "left a standard stream changed",
       followed_by([](const Work&) { close(STDIN_FILENO); })},
      {"changes_the_locale", kTraining, "", "left the locale changed",
       followed_by(change_the_locale)},
  };
}

}  // namespace normbench::faulty
