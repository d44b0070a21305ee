"""Who gets in where: one line a page. A page that stands in no line fails the tests.

A letter stands for each person: owner, administrator, auditoR, lead and member of the team Search, Staff without any
right, nobody who is signed in; `-` is none of them, `=` the same as before. The last column is what takes somebody in
who was given it one by one, and without which all other permissions do not; `-` where no permission does. Pages of
leads and members say whose object they are about: the reader's own, a colleague's in Search, its service key's,
another team's.
"""

from __future__ import annotations

PAGES = """
page                                    sees     sends    permission by itself
front                                   oarlmsn  =        -
console:report                          oar      -        usage.view_requestlog
console:report-file                     oar      -        usage.view_requestlog
console:report-of                       oar      -        usage.view_requestlog
console:report-of-file                  oar      -        usage.view_requestlog
console:explorer                        oar      -        usage.view_requestlog
console:explorer-export                 oar      -        usage.view_requestlog
console:explorer-save                   -        oa       -
console:explorer-view                   oa       =        -
console:statements                      oar      -        usage.view_statement
console:statements-csv                  oar      -        usage.view_statement
console:statement                       oar      -        usage.view_statement
console:statement-pdf                   oar      -        usage.view_statement
console:statement-csv                   oar      -        usage.view_statement
console:statements-close                -        oa       -
console:statements-schedule             -        oa       -
console:statement-send                  -        oa       -
console:statements-rate                 -        oa       -
console:invoices                        oar      -        usage.view_reconciliation
console:invoice                         oar      -        usage.view_reconciliation
console:invoice-export                  oar      -        usage.view_reconciliation
console:invoice-columns                 oa       =        usage.add_reconciliation
console:invoice-upload                  -        oa       -
console:invoice-delete                  -        oa       -
console:chargeback                      oar      -        usage.view_requestlog
console:chargeback-csv                  oar      -        usage.view_requestlog
console:chargeback-xlsx                 oar      -        usage.view_requestlog
console:sessions                        oar      -        usage.view_requestlog
console:session                         oar      -        usage.view_requestlog
console:health                          oar      -        routing.view_healthstate
console:health-reset                    -        oa       -
console:explain                         oar      =        routing.view_route
console:provider-models                 oa       =        providers.view_provider+use_credential+add_model
console:provider-test                   oa       =        providers.view_provider+use_credential
console:provider-trial                  -        oa       -
console:provider-allow-field            -        oa       -
report-v1:openapi-json                  oarlmsn  -        -
report-v1:usage                         -        -        -
report-v1:metrics                       -        -        -
report-v1:groups                        -        -        -
report-v1:statements                    -        -        -
report-v1:statement                     -        -        -
report-v1:me                            -        -        -
report-v1:api-root                      -        -        -
admin:search                            oars     =        -
admin:index                             oars     =        -
admin:password_change                   oars     =        -
admin:password_change_done              oars     -        -
admin:autocomplete                      oar      -        providers.view_model
admin:jsi18n                            oars     -        -
admin:view_on_site                      -        -        -
admin:auth_user_password_change         o        =        -
admin:auth_user_changelist              oar      =        auth.view_user
admin:auth_user_add                     o        =        auth.add_user+change_user
admin:auth_user_history                 oar      =        auth.view_user
admin:auth_user_delete                  o        =        -
admin:auth_user_change                  oar      o        auth.view_user
admin:auth_group_changelist             oar      =        auth.view_group
admin:auth_group_add                    o        =        -
admin:auth_group_history                oar      =        auth.view_group
admin:auth_group_delete                 o        =        -
admin:auth_group_change                 oar      o        auth.view_group
admin:access_clientkey_rotate           oa       =        access.change_clientkey
admin:access_clientkey_disable          oa       =        access.change_clientkey
admin:access_clientkey_enable           oa       =        access.change_clientkey
admin:access_clientkey_revoke           oa       =        access.change_clientkey
admin:access_clientkey_changelist       oar      =        access.view_clientkey
admin:access_clientkey_add              oa       =        access.add_clientkey
admin:access_clientkey_history          oar      =        access.view_clientkey
admin:access_clientkey_delete           oa       =        access.delete_clientkey
admin:access_clientkey_change           oar      oa       access.view_clientkey
admin:access_ratelimit_changelist       oar      =        access.view_ratelimit
admin:access_ratelimit_add              oa       =        access.add_ratelimit
admin:access_ratelimit_history          oar      =        access.view_ratelimit
admin:access_ratelimit_delete           oa       =        access.delete_ratelimit
admin:access_ratelimit_change           oar      oa       access.view_ratelimit
admin:access_budget_changelist          oar      =        access.view_budget
admin:access_budget_add                 oa       =        access.add_budget
admin:access_budget_history             oar      =        access.view_budget
admin:access_budget_delete              oa       =        access.delete_budget
admin:access_budget_change              oar      oa       access.view_budget
admin:access_increaserequest_approve         oa  =        access.change_increaserequest
admin:access_increaserequest_approve_lasting oa  =        access.change_increaserequest
admin:access_increaserequest_decline         oa  =        access.change_increaserequest
admin:access_increaserequest_changelist oar      =        access.view_increaserequest
admin:access_increaserequest_add        -        -        -
admin:access_increaserequest_history    oar      =        access.view_increaserequest
admin:access_increaserequest_delete     -        -        -
admin:access_increaserequest_change     oar      -        access.view_increaserequest
admin:access_webhook_test               oa       =        access.change_webhook
admin:access_webhook_changelist         oar      =        access.view_webhook
admin:access_webhook_add                oa       =        access.add_webhook
admin:access_webhook_history            oar      =        access.view_webhook
admin:access_webhook_delete             oa       =        access.delete_webhook
admin:access_webhook_change             oar      oa       access.view_webhook
admin:access_reporttoken_changelist     oar      =        access.view_reporttoken
admin:access_reporttoken_add            oa       =        -
admin:access_reporttoken_history        oar      =        access.view_reporttoken
admin:access_reporttoken_delete         oa       =        access.delete_reporttoken
admin:access_reporttoken_change         oar      oa       access.view_reporttoken
admin:access_outboxmessage_send_again   oa       =        access.change_outboxmessage
admin:access_outboxmessage_changelist   oar      =        access.view_outboxmessage
admin:access_outboxmessage_add          -        -        -
admin:access_outboxmessage_history      oar      =        access.view_outboxmessage
admin:access_outboxmessage_delete       -        -        -
admin:access_outboxmessage_change       oar      -        access.view_outboxmessage
admin:access_invitation_revoke          o        =        -
admin:access_invitation_changelist      oar      =        access.view_invitation
admin:access_invitation_add             o        =        -
admin:access_invitation_history         oar      =        access.view_invitation
admin:access_invitation_delete          -        -        -
admin:access_invitation_change          oar      -        access.view_invitation
admin:access_auditentry_export          oar      =        access.view_auditentry
admin:access_auditentry_changelist      oar      =        access.view_auditentry
admin:access_auditentry_add             -        -        -
admin:access_auditentry_history         oar      =        access.view_auditentry
admin:access_auditentry_delete          -        -        -
admin:access_auditentry_change          oar      -        access.view_auditentry
admin:access_team_invite                o        =        -
admin:access_team_changelist            oar      =        access.view_team
admin:access_team_add                   oa       =        access.add_team
admin:access_team_history               oar      =        access.view_team
admin:access_team_delete                oa       =        access.delete_team
admin:access_team_change                oar      oa       access.view_team
admin:usage_requestlog_choices          oar      -        usage.view_requestlog
admin:usage_requestlog_export           oar      -        usage.view_requestlog
admin:usage_requestlog_sheet            oar      -        usage.view_requestlog
admin:usage_requestlog_changelist       oar      =        usage.view_requestlog
admin:usage_requestlog_add              -        -        -
admin:usage_requestlog_history          oar      =        usage.view_requestlog
admin:usage_requestlog_delete           -        -        -
admin:usage_requestlog_change           oar      -        usage.view_requestlog
admin:usage_budgetwindow_changelist     oar      =        usage.view_budgetwindow
admin:usage_budgetwindow_add            -        -        -
admin:usage_budgetwindow_history        oar      =        usage.view_budgetwindow
admin:usage_budgetwindow_delete         -        -        -
admin:usage_budgetwindow_change         oar      -        usage.view_budgetwindow
admin:usage_attemptlog_choices          oar      -        usage.view_attemptlog
admin:usage_attemptlog_export           oar      -        usage.view_attemptlog
admin:usage_attemptlog_changelist       oar      =        usage.view_attemptlog
admin:usage_attemptlog_add              -        -        -
admin:usage_attemptlog_history          oar      =        usage.view_attemptlog
admin:usage_attemptlog_delete           -        -        -
admin:usage_attemptlog_change           oar      -        usage.view_attemptlog
admin:usage_setaside_changelist         oar      =        usage.view_setaside
admin:usage_setaside_add                -        -        -
admin:usage_setaside_history            oar      =        usage.view_setaside
admin:usage_setaside_delete             oa       =        usage.delete_setaside
admin:usage_setaside_change             oar      o        usage.view_setaside
admin:providers_provider_test           oa       =        providers.use_credential
admin:providers_provider_list_models    oa       =        providers.use_credential+add_model
admin:providers_provider_changelist     oar      =        providers.view_provider
admin:providers_provider_add            oa       =        providers.add_provider
admin:providers_provider_history        oar      =        providers.view_provider
admin:providers_provider_delete         oa       =        providers.delete_provider
admin:providers_provider_change         oar      oa       providers.view_provider
admin:providers_model_changelist        oar      =        providers.view_model
admin:providers_model_add               oa       =        providers.add_model
admin:providers_model_history           oar      =        providers.view_model
admin:providers_model_delete            oa       =        providers.delete_model
admin:providers_model_change            oar      oa       providers.view_model
admin:routing_route_changelist          oar      =        routing.view_route
admin:routing_route_add                 oa       =        routing.add_route
admin:routing_route_history             oar      =        routing.view_route
admin:routing_route_delete              oa       =        routing.delete_route
admin:routing_route_change              oar      oa       routing.view_route
admin:routing_rule_changelist           oar      =        routing.view_rule
admin:routing_rule_add                  oa       =        routing.add_rule
admin:routing_rule_history              oar      =        routing.view_rule
admin:routing_rule_delete               oa       =        routing.delete_rule
admin:routing_rule_change               oar      oa       routing.view_rule
admin:routing_alias_changelist          oar      =        routing.view_alias
admin:routing_alias_add                 oa       =        routing.add_alias
admin:routing_alias_history             oar      =        routing.view_alias
admin:routing_alias_delete              oa       =        routing.delete_alias
admin:routing_alias_change              oar      oa       routing.view_alias
admin:routing_scenarioroute_changelist  oar      =        routing.view_scenarioroute
admin:routing_scenarioroute_add         oa       =        routing.add_scenarioroute
admin:routing_scenarioroute_history     oar      =        routing.view_scenarioroute
admin:routing_scenarioroute_delete      oa       =        routing.delete_scenarioroute
admin:routing_scenarioroute_change      oar      oa       routing.view_scenarioroute
admin:routing_concept_changelist        oar      =        routing.view_concept
admin:routing_concept_add               oa       =        routing.add_concept
admin:routing_concept_history           oar      =        routing.view_concept
admin:routing_concept_delete            oa       =        routing.delete_concept
admin:routing_concept_change            oar      oa       routing.view_concept
admin:app_list                          oar      =        -
admin_password_reset                    oarlmsn  =        -
people:join                             -        -        -
people:join-link                        oarlmsn  -        -
people:leave Search                     lm       =        -
people:leave another                    -        -        -
people:new-password                     -        -        -
people:password-link                    oarlmsn  -        -
my:index                                oarlms   -        -
my:keys                                 oarlms   -        -
my:key-add                              lm       =        -
my:key own                              lm       -        -
my:key colleague                        l        -        -
my:key service                          l        -        -
my:key another                          -        -        -
my:key-secret own                       lm       -        -
my:key-secret colleague                 l        -        -
my:key-secret service                   l        -        -
my:key-secret another                   -        -        -
my:key-copied own                       -        lm       -
my:key-copied colleague                 -        l        -
my:key-copied service                   -        l        -
my:key-copied another                   -        -        -
my:key-action rotate own                lm       =        -
my:key-action rotate colleague          l        =        -
my:key-action rotate service            l        =        -
my:key-action rotate another            -        -        -
my:key-action disable own               lm       =        -
my:key-action disable colleague         l        =        -
my:key-action disable service           l        =        -
my:key-action disable another           -        -        -
my:key-action enable own                lm       =        -
my:key-action enable colleague          l        =        -
my:key-action enable service            l        =        -
my:key-action enable another            -        -        -
my:key-action revoke own                lm       =        -
my:key-action revoke colleague          l        =        -
my:key-action revoke service            l        =        -
my:key-action revoke another            -        -        -
my:key-action delete own                lm       =        -
my:key-action delete colleague          l        =        -
my:key-action delete service            l        =        -
my:key-action delete another            -        -        -
my:usage                                oarlms   -        -
my:requests                             oarlms   -        -
my:request own                          lm       -        -
my:request colleague                    l        -        -
my:request service                      l        -        -
my:request another                      -        -        -
my:routes                               oarlms   -        -
my:budgets                              oarlms   -        -
my:budget-ask own                       lm       =        -
my:budget-ask colleague                 l        =        -
my:budget-ask service                   l        =        -
my:budget-ask another                   -        -        -
my:increase-withdraw own                -        lm       -
my:increase-withdraw colleague          -        -        -
my:increase-withdraw service            -        -        -
my:increase-withdraw another            -        -        -
my:increase-approve own                 -        -        -
my:increase-approve colleague           -        l        -
my:increase-approve service             -        l        -
my:increase-approve another             -        -        -
my:increase-decline own                 -        -        -
my:increase-decline colleague           -        l        -
my:increase-decline service             -        l        -
my:increase-decline another             -        -        -
my:team-budgets Search                  l        -        -
my:team-budgets another                 -        -        -
my:team-allowances Search               l        -        -
my:team-allowances another              -        -        -
my:team-budget-add Search               l        =        -
my:team-budget-add another              -        -        -
my:team-budget-change Search            l        =        -
my:team-budget-change another           -        -        -
my:team-budget-change of another in Search -        -        -
my:team-budget-change of Search itself  -        -        -
my:team-budget-remove Search            l        =        -
my:team-budget-remove another           -        -        -
my:team-budget-remove of another in Search -        -        -
my:team-budget-remove of Search itself  -        -        -
my:team-limit-add Search                l        =        -
my:team-limit-add another               -        -        -
my:team-limit-change Search             l        =        -
my:team-limit-change another            -        -        -
my:team-limit-change of another in Search -        -        -
my:team-limit-change of Search itself   -        -        -
my:team-limit-remove Search             l        =        -
my:team-limit-remove another            -        -        -
my:team-limit-remove of another in Search -        -        -
my:team-limit-remove of Search itself   -        -        -
my:team Search                          l        -        -
my:team another                         -        -        -
my:team-statements Search               l        -        -
my:team-statements another              -        -        -
my:team-statement Search                l        -        -
my:team-statement another               -        -        -
my:team-statement of another in Search  -        -        -
my:team-statement-pdf Search            l        -        -
my:team-statement-pdf another           -        -        -
my:team-statement-pdf of another in Search -    -        -
my:team-usage Search                    l        -        -
my:team-usage another                   -        -        -
my:team-requests Search                 l        -        -
my:team-requests another                -        -        -
my:team-key-add Search                  l        =        -
my:team-key-add another                 -        -        -
my:member-remove Search                 l        =        -
my:member-remove another                -        -        -
my:member-remove of another in Search   -        -        -
my:invite Search                        l        =        -
my:invite another                       -        -        -
my:invitation Search                    l        -        -
my:invitation another                   -        -        -
my:invitation of another in Search      -        -        -
my:invitation-copied Search             -        l        -
my:invitation-copied another            -        -        -
my:invitation-copied of another in Search -        -        -
my:invitation-revoke Search             -        l        -
my:invitation-revoke another            -        -        -
my:invitation-revoke of another in Search -        -        -
my:password_change                      oarlms   =        -
my:password_change_done                 oarlms   -        -
my:search                               -        -        -
"""
