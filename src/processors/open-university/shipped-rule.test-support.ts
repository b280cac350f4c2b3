/** How at-risk scores are made up where no rule was given, without the module that a rule is for. */
export const shippedRule = {
  weight_inactivity: 35,
  weight_missing: 30,
  weight_late: 10,
  weight_score: 15,
  weight_attempts: 10,
  inactivity_days_full: 28,
  score_enough: 60,
  attempts_full: 3,
  medium_from: 30,
  high_from: 60,
}
