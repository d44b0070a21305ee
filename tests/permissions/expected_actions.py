"""Who may run which action of a list, one line each. The letters are those of tests.permissions.expected.

An action that stands in no line fails the tests.
"""

from __future__ import annotations

ACTIONS = """
list                    action            who
auth_user               delete_selected   o
auth_group              delete_selected   o
access_clientkey        disable_selected  oa
access_clientkey        enable_selected   oa
access_clientkey        revoke_selected   oa
access_clientkey        delete_selected   oa
access_ratelimit        delete_selected   oa
access_budget           delete_selected   oa
access_increaserequest  approve_selected  oa
access_increaserequest  decline_selected  oa
access_webhook          delete_selected   oa
access_reporttoken      delete_selected   oa
access_outboxmessage    send_selected_again oa
access_invitation       revoke_selected   o
access_team             delete_selected   oa
usage_setaside          delete_selected   oa
providers_provider      fetch_model_lists oa
providers_provider      delete_selected   oa
providers_model         enable_selected   oa
providers_model         disable_selected  oa
providers_model         set_price         oa
providers_model         make_routes       oa
providers_model         delete_selected   oa
routing_route           delete_selected   oa
routing_alias           delete_selected   oa
routing_scenarioroute   delete_selected   oa
routing_concept         delete_selected   oa
routing_rule            delete_selected   oa
routing_rule            switch_on         oa
routing_rule            switch_off        oa
"""
